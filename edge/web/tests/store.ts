import { createPinia, setActivePinia } from 'pinia'
import { shallowRef, watch, type ShallowRef } from 'vue'
import { vi } from 'vitest'
import type { Conversation, Draft, Limits, Observable, Timeline, Upload } from '@/sdk'
import { useMessaging } from '@/stores/messaging'
import { fakeFiles } from './files'
import { ADAM, CLARA, CONVERSATION, ME, START, message, timeline } from './timelines'

/** An observable that the test sets. */
export function settable<T>(first: T): Observable<T> & { set(value: T): void } {
  const value = shallowRef(first) as ShallowRef<T>
  return {
    get value() {
      return value.value
    },
    set: (next) => (value.value = next),
    subscribe: (listener) => watch(value, listener, { flush: 'sync' }),
  }
}

export const conversation = (more: Partial<Conversation> = {}): Conversation => ({
  id: CONVERSATION,
  subject: 'Harbour',
  project: null,
  status: 'open',
  head: 3,
  read: 3,
  unread: 0,
  lastMessage: message(3),
  activeAt: new Date(START).toISOString(),
  members: [ME, CLARA, ADAM],
  member: true,
  stale: false,
  ...more,
})

/** The store over an SDK that remembers what was asked of it, with one conversation. */
export function fakeStore(shown: Timeline = timeline([message(1), message(2, { actor: ME }), message(3)])) {
  const pinia = createPinia()
  setActivePinia(pinia)
  const store = useMessaging()
  const current = settable(shown)
  const facts = settable<Conversation | null>(conversation())
  const open = {
    id: CONVERSATION,
    timeline: current,
    ready: Promise.resolve(),
    loadOlder: vi.fn(() => Promise.resolve(true)),
    loadTo: vi.fn(() => Promise.resolve(true)),
    send: vi.fn(),
    edit: vi.fn(),
    delete: vi.fn(),
    react: vi.fn(),
    retry: vi.fn(),
    discard: vi.fn(),
    markRead: vi.fn(),
    typing: vi.fn(),
    close: vi.fn(),
  }
  const drafts = new Map<string, Draft>()
  const asked = vi.fn(() => Promise.resolve(null))
  const uploads = {
    all: settable<ReadonlyMap<string, Upload>>(new Map()),
    add: vi.fn<(conversation: string, file: File) => string | null>(() => 'u'),
    pause: vi.fn(),
    resume: vi.fn(),
    cancel: vi.fn(),
  }
  const limits = settable<Limits>({ file: 1_000_000, attachments: 3 })
  const files = fakeFiles()
  Object.assign(store.parley, {
    open: vi.fn(() => open),
    conversation: () => facts,
    message: asked,
    uploads,
    limits,
    files,
    history: vi.fn(() => Promise.resolve([{ body: 'before', at: new Date(START).toISOString(), actor: ME }])),
    person: () => undefined,
    drafts: {
      get: (id: string) => drafts.get(id) ?? null,
      set: (id: string, draft: Draft | null) => (draft === null ? drafts.delete(id) : drafts.set(id, draft)),
    },
  })
  const people = [
    { id: ME, name: 'Mia Own', role: 'agent', email: null },
    { id: CLARA, name: 'Clara Jensen', role: 'client', email: null },
    { id: ADAM, name: 'Adam Ode', role: 'agent', email: null },
  ] as const
  store.$patch((state) => {
    state.session = { phase: 'signed-in', account: people[0] }
    state.people = new Map(people.map((one) => [one.id, one]))
    state.connection = { ...state.connection, phase: 'live' }
  })
  return { pinia, store, open, timeline: current, facts, drafts, asked, uploads, limits, files }
}
