import { mount, type VueWrapper } from '@vue/test-utils'
import { computed, shallowReactive, shallowRef, type Component, type ShallowRef } from 'vue'
import { vi } from 'vitest'
import { chatKey, type Chat } from '@/components/messaging/chat'
import type { Timeline } from '@/sdk'
import { ADAM, CLARA, CONVERSATION, ME, timeline } from './timelines'

const NAMES: Readonly<Record<string, string>> = { [ME]: 'Mia Own', [CLARA]: 'Clara Jensen', [ADAM]: 'Adam Ode' }

/** A chat whose facts the test sets, and that remembers what was asked of it. */
export function fakeChat(shown: Timeline = timeline([]), { staff = false, silent = false } = {}) {
  const current: ShallowRef<Timeline> = shallowRef(shown)
  const chat = {
    conversation: CONVERSATION,
    timeline: current,
    me: computed(() => ME),
    staff: computed(() => staff),
    silent: computed(() => silent),
    name: (account: string) => NAMES[account] ?? '…',
    ready: Promise.resolve(),
    loadOlder: vi.fn(() => Promise.resolve(true)),
    loadTo: vi.fn<Chat['loadTo']>(() => Promise.resolve(true)),
    openAgain: vi.fn(),
    markRead: vi.fn(),
    reply: vi.fn(),
    edit: vi.fn(),
    remove: vi.fn(),
    react: vi.fn(),
    retry: vi.fn(),
    discard: vi.fn(),
    unfolded: shallowReactive(new Set<string>()),
    copy: vi.fn(),
    copyText: vi.fn(),
    copyLink: vi.fn(),
    history: vi.fn(),
    menu: vi.fn(),
    chooseReaction: vi.fn(),
    preview: vi.fn(),
    jump: vi.fn(),
    quoted: vi.fn<Chat['quoted']>(() => Promise.resolve(null)),
  } satisfies Chat
  return chat
}

export function inChat(component: Component, props: Record<string, unknown>, chat: Chat = fakeChat()): VueWrapper {
  return mount(component, { props, global: { provide: { [chatKey as symbol]: chat } }, attachTo: document.body }) as VueWrapper
}
