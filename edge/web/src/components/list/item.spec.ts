import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { nextTick } from 'vue'
import { createMemoryHistory, createRouter } from 'vue-router'
import ConversationItem from '@/components/messaging/ConversationItem.vue'
import { i18n } from '@/i18n'
import type { Conversation } from '@/sdk'
import { conversation, fakeStore } from '../../../tests/store'
import { ADAM, CLARA, CONVERSATION, ME, message } from '../../../tests/timelines'

const nothing = { render: () => null }
const NOW = new Date(2026, 10, 23, 16).getTime()
const DAY = 86_400_000

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: NOW })
  vi.spyOn(navigator, 'languages', 'get').mockReturnValue(['en-GB'])
  await i18n.choose('en')
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

async function row(more: Partial<Conversation> = {}, props: { withoutProject?: boolean } = {}) {
  const { pinia, store } = fakeStore()
  store.$patch((state) => (state.projects = new Map([['p', { id: 'p', name: 'Harbour Bridge', members: 2 }]])))
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/', component: nothing }, { path: '/c/:conversation', name: 'conversation', component: nothing }] })
  await router.push('/')
  const item = mount(ConversationItem, { props: { conversation: conversation(more), ...props }, global: { plugins: [pinia, router] } })
  const says = () => item.findAll('.line.soft > *').map((one) => one.text())
  return { item, store, router, says }
}

describe('a row of the list', () => {
  it('says who said what last: oneself, the other one by the face, others by their first name', async () => {
    const { item, says } = await row({ members: [ME, CLARA, ADAM], lastMessage: message(3, { body: 'The **drawings**' }) })
    expect(says()).toEqual(['Clara:', 'The drawings'])
    await item.setProps({ conversation: conversation({ members: [ME, CLARA] }) })
    expect(says()).toEqual(['Message 3'])
    await item.setProps({ conversation: conversation({ members: [ME, CLARA], lastMessage: message(4, { actor: ME }) }) })
    expect(says()).toEqual(['You:', 'Message 4'])
    await item.setProps({ conversation: conversation({ lastMessage: null }) })
    expect(says()).toEqual(['Nothing said yet'])
  })

  it('says before that who is writing, and what one has begun oneself', async () => {
    const { item, store, says, router } = await row()
    store.$patch((state) => (state.drafts = new Map([[CONVERSATION, { body: 'On *my* way', replyTo: null, editing: null, mentions: [] }]])))
    await flushPromises()
    expect(says()).toEqual(['Draft', 'On my way'])
    store.$patch((state) => (state.typing = new Map([[CONVERSATION, [CLARA]]])))
    await flushPromises()
    expect(item.find('.line.soft').text()).toBe('Clara Jensen is writing')
    store.$patch((state) => (state.typing = new Map()))
    await router.push(`/c/${CONVERSATION}`)
    await flushPromises()
    expect(says()).toEqual(['Clara:', 'Message 3'])
  })

  it('shows whether the other one is there, and of more than two how many', async () => {
    const { item, store } = await row({ members: [ME, CLARA] })
    store.$patch((state) => (state.presence = new Map([[CLARA, { state: 'online' as const, lastSeen: null }]])))
    await flushPromises()
    expect(item.find('.avatar').attributes('data-initials')).toBe('CJ')
    expect(item.find('.face').attributes('title')).toBe('Clara Jensen')
    expect(item.find('.corner').attributes('aria-label')).toBe('Online')
    store.$patch((state) => (state.presence = new Map([[CLARA, { state: 'offline' as const, lastSeen: null }]])))
    await flushPromises()
    expect(item.find('.corner').exists()).toBe(false)
    await item.setProps({ conversation: conversation({ members: [ME, CLARA, ADAM], lastMessage: message(3, { actor: ADAM }) }) })
    expect([item.find('.avatar').attributes('data-initials'), item.find('.corner').attributes('aria-label')]).toEqual(['AO', '3 members'])
    await item.setProps({ conversation: conversation({ members: [ME, CLARA, ADAM], lastMessage: message(3, { actor: ME }) }) })
    expect(item.find('.avatar').attributes('data-initials')).toBe('CJ')
  })

  it('shows who spoke last where the members are not known, and nobody’s face where that is oneself or nobody is left', async () => {
    const { item } = await row({ members: null })
    expect([item.find('.avatar').attributes('data-initials'), item.find('.corner').exists()]).toEqual(['CJ', false])
    await item.setProps({ conversation: conversation({ members: null, lastMessage: message(3, { actor: ME }) }) })
    expect([item.find('.avatar').exists(), item.find('.nobody').exists()]).toEqual([false, true])
    await item.setProps({ conversation: conversation({ members: [ME] }) })
    expect(item.find('.nobody').exists()).toBe(true)
  })

  it('names its project, unless all that are shown have the same', async () => {
    expect((await row({ project: 'p' })).item.find('.project').text()).toBe('Harbour Bridge')
    expect((await row({ project: 'p' }, { withoutProject: true })).item.find('.project').exists()).toBe(false)
  })

  it('marks what is not sent, though not what is on its way for a moment, and what was refused', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const { item, store } = await row()
    const mark = () => (item.find('.unsent').exists() ? item.find('.unsent').attributes('title') : null)
    store.$patch((state) => (state.unsentIn = new Map([[CONVERSATION, 'queued' as const]])))
    await vi.advanceTimersByTimeAsync(500)
    expect(mark()).toBeNull()
    await vi.advanceTimersByTimeAsync(600)
    expect(mark()).toBe('Waiting to be sent')
    store.$patch((state) => (state.unsentIn = new Map([[CONVERSATION, 'refused' as const]])))
    await nextTick()
    expect(mark()).toBe('Not sent')
    store.$patch((state) => (state.unsentIn = new Map([['another', 'refused' as const]])))
    await nextTick()
    expect(mark()).toBeNull()
  })

  it('counts what is unread to 99, and marks what is closed', async () => {
    const { item } = await row({ subject: '', unread: 3 })
    expect([item.find('.badge').text(), item.find('.badge').attributes('aria-label')]).toEqual(['3', '3 unread messages'])
    expect(item.find('.subject').text()).toBe('Without a subject')
    await item.setProps({ conversation: conversation({ unread: 100, status: 'closed' }) })
    expect(item.find('.badge').text()).toBe('99+')
    expect(item.find('[aria-label="Closed"]').exists()).toBe(true)
  })

  it.each([
    [0, '15:00'],
    [1, 'Yesterday'],
    [3, 'Fri'],
    [6, 'Tue'],
    [7, '16 Nov'],
    [400, '19/10/2025'],
  ])('of %i days ago says %j', async (ago, text) => {
    const { item } = await row({ activeAt: new Date(NOW - ago * DAY - 3_600_000).toISOString() })
    expect(item.find('time').text()).toBe(text)
  })

  it('says no time where none is known', async () => {
    expect((await row({ activeAt: '' })).item.find('time').exists()).toBe(false)
  })
})
