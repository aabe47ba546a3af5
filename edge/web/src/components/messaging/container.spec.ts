import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { makeRouter } from '@/router'
import { withLayout } from '../../../tests/layout'
import { conversation, fakeStore } from '../../../tests/store'
import { ADAM, CLARA, CONVERSATION, ME, message, outgoing, timeline } from '../../../tests/timelines'
import ChatContainer from './ChatContainer.vue'
import OnlineStatus from './OnlineStatus.vue'
import TypingIndicator from './TypingIndicator.vue'
import type { Chat } from './chat'

beforeAll(withLayout)
const written: string[] = []
beforeEach(() => {
  written.length = 0
  Object.defineProperty(navigator, 'clipboard', { configurable: true, value: { writeText: (text: string) => (written.push(text), Promise.resolve()) } })
})
afterEach(() => {
  document.body.innerHTML = ''
  vi.useRealTimers()
})

const settled = async () => {
  for (let turn = 0; turn < 4; turn++) await flushPromises()
  await new Promise((resolve) => setTimeout(resolve, 60))
  await flushPromises()
}

async function opened(world = fakeStore(), at: number | null = null) {
  const router = makeRouter()
  await router.push(`/c/${CONVERSATION}`)
  const page = mount(ChatContainer, { props: { conversation: CONVERSATION, at }, global: { plugins: [world.pinia, router] }, attachTo: document.body })
  await settled()
  const chat = (page.vm.$ as unknown as { provides: Record<symbol, Chat> }).provides
  const key = Object.getOwnPropertySymbols(chat).find((one) => one.description === 'chat')!
  const area = page.find<HTMLTextAreaElement>('textarea')
  const press = (name: string, more = {}) => area.trigger('keydown', { key: name, ...more })
  return { ...world, page, router, chat: chat[key]!, area, press }
}

describe('a conversation', () => {
  it('sends what was written with Enter, and is empty again', async () => {
    const { area, press, open, drafts } = await opened()
    await area.setValue('  Hello\nthere  ')
    expect(open.typing).toHaveBeenLastCalledWith(true)
    await press('Enter')
    expect(open.send).toHaveBeenCalledWith('Hello\nthere', { replyTo: null, mentions: [] })
    expect(area.element.value).toBe('')
    expect(open.typing).toHaveBeenLastCalledWith(false)
    expect(drafts.size).toBe(0)
    await press('Enter')
    expect(open.send).toHaveBeenCalledOnce()
  })

  it('answers a message, and lets one change one’s mind', async () => {
    const { area, press, open, chat, page, store } = await opened()
    chat.reply(message(1))
    await settled()
    expect(page.find('.bar').text()).toContain('Reply to Clara Jensen')
    await page.find('.bar button').trigger('click')
    expect(page.find('.bar').exists()).toBe(false)
    chat.reply(message(99))
    await settled()
    expect(page.find('.bar').text()).toContain('Reply to Somebody')
    chat.reply(message(1))
    await area.setValue('Yes')
    await press('Enter')
    expect(open.send).toHaveBeenCalledWith('Yes', { replyTo: 1, mentions: [] })
    expect(store.me).toBe(ME)
  })

  it('edits the last own message with ↑, and gives back what was being written', async () => {
    const { area, press, open, chat, page, timeline: shown } = await opened()
    await press('ArrowUp')
    await settled()
    expect(area.element.value).toBe('Message 2')
    expect(page.find('.bar').text()).toContain('Edit message')
    await area.setValue('Better')
    await press('Enter')
    expect(open.edit).toHaveBeenCalledWith(2, 'Better')
    await area.setValue('half')
    chat.edit(message(2, { actor: ME }))
    await settled()
    await press('Escape')
    expect(area.element.value).toBe('half')
    chat.edit(message(2, { actor: ME }))
    chat.edit(message(2, { actor: ME, body: null }))
    chat.reply(message(1))
    await settled()
    expect(page.find('.bar').text()).toContain('Reply to')
    chat.edit(message(2, { actor: ME }))
    shown.set(timeline([message(1), message(2, { actor: ME, body: null })]))
    await settled()
    expect(page.find('.bar').text()).toContain('Reply to')
    shown.set(timeline([message(1)]))
    await area.setValue('')
    await press('Escape')
    await press('ArrowUp')
    expect(area.element.value).toBe('')
  })

  it('edits with ↑ what was said a moment ago as soon as it is in the log, and never the message before it', async () => {
    const { area, press, page, open, timeline: shown } = await opened()
    const before = [message(1), message(2, { actor: ME })]
    const coming = timeline(before, { outgoing: [outgoing('o', { state: 'sent' })] })
    const there = timeline([...before, message(3, { id: 'o', actor: ME, body: 'Outgoing o' })])
    const shows = async (next: typeof coming) => {
      shown.set(next)
      await settled()
      return area.element.value
    }
    await shows(coming)
    await press('ArrowUp')
    expect(area.element.value).toBe('')
    expect(await shows(there)).toBe('Outgoing o')
    await area.setValue('Better')
    await press('Enter')
    expect(open.edit).toHaveBeenCalledWith(3, 'Better')

    await shows(coming)
    await press('ArrowUp')
    await area.setValue('something else')
    expect(await shows(there)).toBe('something else')
    await area.setValue('')
    expect(await shows(coming)).toBe('')
    vi.useFakeTimers()
    await press('ArrowUp')
    vi.advanceTimersByTime(2000)
    vi.useRealTimers()
    await settled()
    expect(page.find('.notice').text()).toContain('Not sent yet')
    expect(await shows(there)).toBe('')
  })

  it('completes mentions, and names those that still stand there', async () => {
    const { area, press, open, page } = await opened()
    const type = async (text: string) => {
      area.element.value = text
      area.element.setSelectionRange(text.length, text.length)
      await area.trigger('input')
    }
    await type('Hi @')
    expect(page.findAll('[role=option]').map((one) => one.text())).toEqual(['Adam Ode', 'Clara Jensen'])
    expect(area.attributes('aria-activedescendant')).toBe(page.find('[role=option]').attributes('id'))
    await press('ArrowDown')
    await press('ArrowDown')
    await press('ArrowUp')
    await press('Enter')
    await settled()
    expect(area.element.value).toBe('Hi @Clara Jensen ')
    await type('Hi @Clara Jensen @a')
    await press('Escape')
    expect(page.find('[role=option]').exists()).toBe(false)
    await type('Hi @Clara Jensen @ad')
    await page.find('[role=option]').trigger('click')
    await settled()
    await type('Hi @Clara Jensen')
    await page.find('form').trigger('submit')
    expect(open.send).toHaveBeenCalledWith('Hi @Clara Jensen', { replyTo: null, mentions: [CLARA] })
  })

  it('keeps a draft while one writes, and brings it back', async () => {
    const world = fakeStore()
    world.drafts.set(CONVERSATION, { body: 'begun @Adam Ode', replyTo: 1, editing: null, mentions: [ADAM] })
    const { area, page, drafts } = await opened(world)
    expect(area.element.value).toBe('begun @Adam Ode')
    await area.setValue('begun @Adam Ode and more')
    page.unmount()
    expect(drafts.get(CONVERSATION)).toEqual({ body: 'begun @Adam Ode and more', replyTo: 1, editing: null, mentions: [ADAM] })
    const { area: again, drafts: later } = await opened(fakeStore())
    await again.setValue('x')
    await again.trigger('blur')
    expect(later.get(CONVERSATION)?.body).toBe('x')
  })

  it('keeps a draft before anybody stores what there is, as the page is left or out of sight', async () => {
    const { area, drafts } = await opened(fakeStore())
    const stored: (string | undefined)[] = []
    const store = () => stored.push(drafts.get(CONVERSATION)?.body)
    document.addEventListener('visibilitychange', store)
    window.addEventListener('pagehide', store)
    const hidden = vi.spyOn(document, 'hidden', 'get').mockReturnValue(true)
    await area.setValue('one')
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
    hidden.mockReturnValue(false)
    await area.setValue('two')
    document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
    window.dispatchEvent(new Event('pagehide'))
    expect(stored).toEqual(['one', 'one', 'two'])
    document.removeEventListener('visibilitychange', store)
    window.removeEventListener('pagehide', store)
  })

  it('says how much is too much, and sends none of it', async () => {
    const { area, press, open, page } = await opened()
    await area.setValue('🙂'.repeat(10_000))
    expect(page.find('.notice').exists()).toBe(false)
    await area.setValue('x'.repeat(10_002))
    expect(page.find('.notice').text()).toBe('2 characters too many')
    await press('Enter')
    expect(open.send).not.toHaveBeenCalled()
  })

  it('says to the writer that nothing is kept; that there is no connection says the banner', async () => {
    const { page, store } = await opened()
    store.$patch((state) => (state.connection = { ...state.connection, phase: 'offline' }))
    await settled()
    expect(page.find('.notice').exists()).toBe(false)
    store.$patch((state) => (state.storage = { kind: 'memory', trouble: 'unavailable' }))
    await settled()
    expect(page.find('.notice').text()).toContain('stores nothing')
  })

  it('takes nothing when it is closed, or one is not a member any more', async () => {
    const { page, facts } = await opened()
    facts.set(conversation({ status: 'closed' }))
    await settled()
    expect(page.find('.bar').text()).toContain('is closed')
    expect(page.find('textarea').exists()).toBe(false)
    facts.set(conversation({ member: false }))
    await settled()
    expect(page.find('.bar').text()).toContain('no longer a member')
  })

  it('copies texts and links, and says when it may not', async () => {
    const { chat, page } = await opened()
    const change = { id: 'c', type: 'edit', body: 'new text', state: 'refused', refusal: null } as const
    chat.copyText(message(1))
    chat.copyText(message(1, { change }))
    chat.copyText(outgoing('o'))
    chat.copyText(message(1, { body: null }))
    chat.copyLink(message(7))
    await settled()
    expect(written).toEqual(['Message 1', 'new text', 'Outgoing o', '', `${location.origin}/c/${CONVERSATION}/7`])
    expect(page.find('.notice').text()).toBe('Copied')
    Object.defineProperty(navigator, 'clipboard', { configurable: true, value: undefined })
    chat.copyText(message(1))
    await settled()
    expect(page.find('.notice').text()).toContain('did not allow')
  })

  it('does to a message what is asked, and opens what belongs to it', async () => {
    const { chat, open, page, asked } = await opened()
    chat.remove(message(2))
    chat.react(message(1), '👍')
    chat.react(message(1, { reactions: [{ emoji: '👍', accounts: [ME] }] }), '👍')
    chat.retry('a')
    chat.discard('b')
    chat.openAgain()
    await chat.loadOlder()
    await chat.quoted(5)
    expect(open.delete).toHaveBeenCalledWith(2)
    expect(open.react.mock.calls).toEqual([[1, '👍', true], [1, '👍', false]])
    expect(open.retry).toHaveBeenCalledWith('a')
    expect(open.discard).toHaveBeenCalledWith('b')
    expect(open.close).toHaveBeenCalledOnce()
    expect(asked).toHaveBeenCalledWith(CONVERSATION, 5)
    chat.menu(message(1), document.body)
    await settled()
    expect(document.querySelector('[role=menu]')).not.toBeNull()
    document.querySelector<HTMLElement>('.backdrop')!.click()
    chat.history(message(1))
    await vi.waitFor(() => expect(document.querySelector('.history li')!.textContent).toContain('before'))
    document.querySelector<HTMLElement>('.history header button')!.click()
    chat.history(message(77))
    await settled()
    document.querySelector<HTMLElement>('.backdrop')!.click()
    page.unmount()
    expect(open.close).toHaveBeenCalledTimes(2)
  })

  it('reacts with an emoji that is looked for, and writes one where the cursor is', async () => {
    const { chat, open, page, area } = await opened()
    chat.chooseReaction(message(1), document.body)
    await vi.waitFor(() => expect(document.querySelector('.picker input')).not.toBeNull(), { timeout: 5000 })
    const search = document.querySelector<HTMLInputElement>('.picker input')!
    const enter = () => search.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }))
    enter()
    expect(open.react).not.toHaveBeenCalled()
    const look = async (text: string) => {
      search.value = text
      search.dispatchEvent(new Event('input'))
      await settled()
    }
    await look('nothing like it')
    expect(document.querySelector('.none')).not.toBeNull()
    enter()
    await look('rak')
    const keys = (key: string) => document.activeElement!.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))
    search.focus()
    keys('ArrowRight')
    keys('ArrowDown')
    expect((document.activeElement as HTMLElement).textContent).toBe('🚀')
    for (const key of ['ArrowRight', 'ArrowUp', 'a']) keys(key)
    enter()
    expect(open.react).toHaveBeenCalledWith(1, '🚀', true)
    await area.setValue('ab')
    area.element.setSelectionRange(1, 1)
    await page.find('.box button[aria-label=Emoji]').trigger('click')
    await vi.waitFor(() => expect(document.querySelector('.picker')).not.toBeNull())
    document.querySelector<HTMLElement>('.emoji')!.click()
    await settled()
    expect(area.element.value).toBe('a👍b')
    await page.find('.box button[aria-label=Emoji]').trigger('click')
    await settled()
    document.querySelector<HTMLElement>('.backdrop')!.click()
    chat.chooseReaction(message(1), document.body)
    await settled()
    document.querySelector<HTMLElement>('.backdrop')!.click()
    await settled()
    expect(document.querySelector('.picker')).toBeNull()
  })

  it('goes to the message that a link names, also inside the page', async () => {
    const links = `${location.origin}/c/${CONVERSATION}/1 ${location.origin}/c/eeeeeeee-0000-4000-8000-000000000009 ${location.origin}/sign-in https://other.example/`
    const world = fakeStore(timeline([message(1), message(2, { body: links })]))
    const { page, router } = await opened(world, 1)
    expect(page.find('.found').text()).toContain('Message 1')
    const [here, elsewhere, other, foreign] = page.findAll('.body a')
    const push = vi.spyOn(router, 'push')
    // Whatever is not followed inside would leave the page.
    const stay = (event: Event) => event.preventDefault()
    document.addEventListener('click', stay)
    await here!.trigger('click')
    await here!.trigger('click', { ctrlKey: true })
    await settled()
    expect(push).not.toHaveBeenCalled()
    await elsewhere!.trigger('click')
    expect(push).toHaveBeenCalledOnce()
    await other!.trigger('click')
    await foreign!.trigger('click')
    expect(push).toHaveBeenCalledOnce()
    await page.setProps({ at: 50 })
    await settled()
    expect(page.find('.notice').text()).toContain('not in the conversation any more')
    await page.setProps({ at: null })
    document.removeEventListener('click', stay)
  })
})

describe('who is there', () => {
  it('is told by shape and words', async () => {
    const { pinia, store } = fakeStore()
    const status = mount(OnlineStatus, { props: { account: CLARA }, global: { plugins: [pinia] } })
    const say = async (state: 'online' | 'away' | 'offline', lastSeen: string | null = null) => {
      store.$patch((all) => (all.presence = new Map([[CLARA, { state, lastSeen }]])))
      await settled()
      return status.attributes('aria-label')
    }
    expect(status.attributes('aria-label')).toBe('Offline')
    expect(await say('online')).toBe('Online')
    expect(await say('away')).toBe('Away')
    expect(await say('offline', '2026-11-23T09:00:00.000Z')).toContain('Last seen')
  })

  it('and who is writing, by name while they are few', async () => {
    const { pinia, store } = fakeStore()
    const indicator = mount(TypingIndicator, { props: { conversation: CONVERSATION }, global: { plugins: [pinia] } })
    const say = async (...accounts: string[]) => {
      store.$patch((all) => (all.typing = new Map([[CONVERSATION, accounts]])))
      await settled()
      return indicator.text()
    }
    expect(indicator.text()).toBe('')
    expect(await say(CLARA)).toBe('Clara Jensen is writing')
    expect(await say(CLARA, ADAM)).toBe('Clara Jensen and Adam Ode are writing')
    expect(await say(CLARA, ADAM, 'x')).toBe('3 people are writing')
  })
})
