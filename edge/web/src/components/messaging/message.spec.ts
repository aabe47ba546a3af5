import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { defineComponent } from 'vue'
import { hueOf, initials, shortName } from '@/messaging/initials'
import { markOf, refusalOf } from '@/messaging/marks'
import type { Message as Said } from '@/sdk'
import { fakeChat, inChat } from '../../../tests/chat'
import { ADAM, CLARA, ME, message, occurrence, outgoing, timeline } from '../../../tests/timelines'
import DayLine from './DayLine.vue'
import Message from './Message.vue'
import MessageHistory from './MessageHistory.vue'
import MessageMenu from './MessageMenu.vue'
import MessageQuote from './MessageQuote.vue'
import MessageState from './MessageState.vue'
import OccurrenceLine from './OccurrenceLine.vue'
import { useChat } from './chat'

const shown = (row: Said | ReturnType<typeof outgoing>, more = {}, chat = fakeChat()) =>
  inChat(Message, { row, grouped: false, state: null, active: false, found: false, pulled: 0, ...more }, chat)

afterEach(() => (document.body.innerHTML = ''))

describe('a message', () => {
  it('says who, when and what, with mentions of the reader apart', () => {
    const page = shown(message(1, { body: 'Hello @Mia Own and @Adam Ode', mentions: [ME, ADAM] }))
    expect(page.find('.author').text()).toBe('Clara Jensen')
    expect(page.find('header time').attributes('datetime')).toBe('2026-11-23T09:00:01.000Z')
    expect(page.findAll('.mention').map((one) => one.classes('mention-me'))).toEqual([true, false])
    expect(page.find('[role=img]').exists()).toBe(false)
  })

  it('has no header under its predecessor, and its time while somebody looks', async () => {
    const page = shown(message(1), { grouped: true })
    expect(page.find('time').exists()).toBe(false)
    await page.setProps({ active: true })
    expect(page.find('header').exists()).toBe(false)
    expect(page.find('.aside').exists()).toBe(true)
  })

  it('tells that it was deleted, or is about to be', () => {
    expect(shown(message(1, { body: null })).text()).toContain('This message was deleted.')
    const change = { id: 'c', type: 'delete', body: null, state: 'queued', refusal: null } as const
    expect(shown(message(1, { change })).text()).toContain('Is being deleted')
    expect(shown(message(1, { change: { ...change, state: 'refused' } })).text()).toContain('Message 1')
  })

  it('is folded where it is longer than a screen, and stays as one left it', async () => {
    const long = message(1, { body: Array.from({ length: 40 }, (_, line) => `Plate ${line}`).join('\n') })
    const chat = fakeChat()
    const page = shown(long, {}, chat)
    expect(page.find('.body').classes('folded')).toBe(true)
    await page.find('.more').trigger('click')
    expect([page.find('.body').classes('folded'), page.find('.more').text()]).toEqual([false, 'Show less'])
    page.unmount()
    const again = shown(long, {}, chat)
    expect(again.find('.body').classes('folded')).toBe(false)
    await again.find('.more').trigger('click')
    expect(again.find('.more').text()).toBe('Show all of it')
    expect(shown(message(2, { body: 'Plate\n'.repeat(38) })).find('.more').exists()).toBe(false)
    expect(shown(message(3, { body: 'x'.repeat(4001) })).find('.more').exists()).toBe(true)
  })

  it('has its code copied', async () => {
    const chat = fakeChat()
    await shown(message(1, { body: 'See\n```js\nlet a = 1\n```' }), {}, chat).find('.code .copy').trigger('click')
    expect(chat.copy).toHaveBeenCalledWith('let a = 1')
  })

  it('tells that it was edited, and shows staff what it said before', async () => {
    const edited = message(1, { edited: true })
    expect(shown(edited).find('span.edited').text()).toBe('edited')
    const chat = fakeChat(timeline([]), { staff: true })
    await shown(edited, {}, chat).find('button.edited').trigger('click')
    expect(chat.history).toHaveBeenCalledWith(edited)
  })

  it('shows the state of an own one, and who has read it while somebody looks', async () => {
    const own = message(1, { actor: ME })
    const marks = new Map([[CLARA, { read: 1, delivered: 1 }], [ME, { read: 1, delivered: 1 }], [ADAM, { read: 0, delivered: 1 }]])
    const page = shown(own, { state: 'read' }, fakeChat(timeline([own], { marks })))
    expect(page.find('[data-state=read]').attributes('aria-label')).toBe('Read')
    await page.setProps({ active: true })
    expect(page.find('[data-state=read]').attributes('aria-label')).toBe('Read by Clara Jensen')
  })

  it('gives a refused one back: why, try again, copy, discard', async () => {
    const refused = outgoing('o', { state: 'refused', refusal: { code: 'closed', message: 'closed', field: null } })
    const chat = fakeChat()
    const page = shown(refused, { state: 'refused' }, chat)
    expect(page.text()).toContain('Not sent: the conversation is closed.')
    const [again, copy, discard] = page.findAll('.refusal button')
    await again!.trigger('click')
    await copy!.trigger('click')
    await discard!.trigger('click')
    expect(chat.retry).toHaveBeenCalledWith('o')
    expect(chat.copyText).toHaveBeenCalledWith(refused)
    expect(chat.discard).toHaveBeenCalledWith('o')
  })

  it.each([
    ['edit', 'The change was not saved.', { code: 'no_such_code', message: '', field: null }, 'no_such_code'],
    ['delete', 'The message was not deleted.', null, 'the server did not accept the text'],
  ] as const)('says that a refused %s did not happen', (type, text, refusal, reason) => {
    const row = message(1, { actor: ME, change: { id: 'c', type, body: null, state: 'refused', refusal } })
    const page = shown(row, { state: 'refused' })
    expect(page.text()).toContain(text)
    expect(page.text()).toContain(reason)
  })

  it('shows reactions, whose they are, and takes one’s own back', async () => {
    const chat = fakeChat()
    const row = message(1, { reactions: [{ emoji: '👍', accounts: [CLARA, ME] }, { emoji: '🎉', accounts: [ADAM] }] })
    const [mine, other] = shown(row, {}, chat).findAll('.reaction')
    expect(mine!.attributes('aria-pressed')).toBe('true')
    expect(mine!.attributes('aria-label')).toBe('👍, Clara Jensen, Mia Own')
    expect(other!.attributes('aria-pressed')).toBe('false')
    await mine!.trigger('click')
    expect(chat.react).toHaveBeenCalledWith(row, '👍')
  })

  it('offers what can be done while the pointer is on it', async () => {
    const chat = fakeChat()
    const own = message(1, { actor: ME })
    const page = shown(own, { active: true, state: 'sent' }, chat)
    for (const button of page.findAll('.toolbar button')) await button.trigger('click')
    expect(chat.chooseReaction).toHaveBeenCalledOnce()
    expect(chat.reply).toHaveBeenCalledWith(own)
    expect(chat.edit).toHaveBeenCalledWith(own)
    expect(chat.menu).toHaveBeenCalledOnce()
    expect(shown(message(2), { active: true }).findAll('.toolbar button')).toHaveLength(3)
    expect(shown(message(3), { active: true }, fakeChat(timeline([]), { silent: true })).findAll('.toolbar button')).toHaveLength(1)
  })
})

describe('a quote', () => {
  it('is one line of what is answered, and leads there', async () => {
    const chat = fakeChat(timeline([message(1, { body: '**Really** long\n\nstory' })]))
    const page = inChat(MessageQuote, { seq: 1 }, chat)
    expect(page.text()).toBe('Clara JensenReally long story')
    await page.trigger('click')
    expect(chat.jump).toHaveBeenCalledWith(1)
  })

  it('asks for what is not loaded, and says when it is gone', async () => {
    const chat = fakeChat(timeline([message(50)]))
    chat.quoted.mockResolvedValueOnce(message(1))
    const page = inChat(MessageQuote, { seq: 1 }, chat)
    expect(page.text()).toBe('…')
    await flushPromises()
    expect(page.text()).toContain('Message 1')
    chat.quoted.mockRejectedValueOnce(new Error('gone'))
    await page.setProps({ seq: 2 })
    await flushPromises()
    expect(page.text()).toBe('The answered message was deleted.')
    expect(page.attributes('disabled')).toBeDefined()
  })
})

describe('the menu of a message', () => {
  const anchor = document.createElement('div')
  const open = (row: Said | ReturnType<typeof outgoing>, chat = fakeChat()) => inChat(MessageMenu, { row, anchor }, chat)
  const items = () => [...document.querySelectorAll<HTMLElement>('.menu > [role=menuitem]')]
  const named = (name: string) => items().find((item) => item.textContent?.trim() === name)!

  it('offers what one may do with an own one, and asks before it deletes', async () => {
    const chat = fakeChat(timeline([]), { staff: true })
    const row = message(1, { actor: ME, edited: true })
    const page = open(row, chat)
    expect(items().map((item) => item.textContent?.trim())).toEqual(['Reply', 'Add a reaction', 'Edit', 'Copy text', 'Copy link', 'Show earlier texts', 'Delete'])
    for (const name of ['Reply', 'Add a reaction', 'Edit', 'Copy text', 'Copy link', 'Show earlier texts']) named(name).click()
    for (const act of [chat.reply, chat.edit, chat.copyText, chat.copyLink, chat.history]) expect(act).toHaveBeenCalledWith(row)
    expect(chat.chooseReaction).toHaveBeenCalledWith(row, anchor)
    expect(page.emitted('close')).toHaveLength(6)
    named('Delete').click()
    await flushPromises()
    document.querySelectorAll<HTMLElement>('[role=dialog] .menu button')[1]!.click()
    expect(chat.remove).not.toHaveBeenCalled()
    document.querySelector<HTMLElement>('[role=dialog] .grave')!.click()
    expect(chat.remove).toHaveBeenCalledWith(row)
  })

  it('offers less of others’, of what is on its way, and where nothing can be said', () => {
    open(message(1))
    expect(items().map((item) => item.textContent?.trim())).toEqual(['Reply', 'Add a reaction', 'Copy text', 'Copy link'])
    document.body.innerHTML = ''
    open(outgoing('o'))
    expect(items().map((item) => item.textContent?.trim())).toEqual(['Copy text'])
    document.body.innerHTML = ''
    open(message(1), fakeChat(timeline([]), { silent: true }))
    expect(items().map((item) => item.textContent?.trim())).toEqual(['Copy text', 'Copy link'])
    document.body.innerHTML = ''
    open(message(1, { body: null }))
    expect(items().map((item) => item.textContent?.trim())).toEqual(['Copy link'])
  })

  it('reacts with one touch, is walked by arrows, and goes with Escape or a click beside it', async () => {
    const chat = fakeChat()
    const row = message(1)
    const page = open(row, chat)
    await flushPromises()
    expect(document.activeElement).toBe(named('Reply'))
    const press = (key: string) => document.activeElement!.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))
    press('ArrowDown')
    expect(document.activeElement).toBe(named('Add a reaction'))
    press('ArrowUp')
    press('x')
    expect(document.activeElement).toBe(named('Reply'))
    press('Escape')
    press('Tab')
    document.querySelector<HTMLElement>('.backdrop')!.dispatchEvent(new Event('pointerdown'))
    expect(page.emitted('close')).toHaveLength(3)
    document.querySelector<HTMLElement>('.quick button')!.click()
    expect(chat.react).toHaveBeenCalledWith(row, '👍')
    page.unmount()
  })
})

describe('beside messages', () => {
  it.each([
    [occurrence(1, 'created'), 'Clara Jensen started the conversation'],
    [occurrence(1, 'member_joined', { account: ADAM }), 'Clara Jensen added Adam Ode'],
    [occurrence(1, 'member_left', { account: CLARA }), 'Clara Jensen left'],
    [occurrence(1, 'member_left', { account: ADAM }), 'Clara Jensen removed Adam Ode'],
    [occurrence(1, 'renamed', { subject: 'New' }), 'Clara Jensen named the conversation “New”'],
    [occurrence(1, 'renamed'), 'Clara Jensen named the conversation “”'],
    [occurrence(1, 'status_changed', { status: 'open' }), 'Clara Jensen opened the conversation again'],
    [occurrence(1, 'status_changed', { status: 'closed' }), 'Clara Jensen closed the conversation'],
    [occurrence(1, 'status_changed', { status: 'archived' }), 'Clara Jensen archived the conversation'],
    [occurrence(1, 'member_joined'), 'Clara Jensen added …'],
  ])('%j is told', (one, text) => {
    expect(inChat(OccurrenceLine, { occurrence: one }).text().replace(/[\u2066-\u2069]/g, '')).toBe(text)
  })

  it('days have names while they are near', () => {
    const now = new Date(2026, 10, 23, 12).getTime()
    const day = (ago: number) => mount(DayLine, { props: { time: now - ago * 86_400_000, now } }).text()
    expect([day(0), day(1), day(2)]).toEqual(['Today', 'Yesterday', 'Saturday, November 21'])
  })

  it('marks have a shape and words', () => {
    const label = (props: object) => mount(MessageState, { props: { state: 'queued', ...props } }).attributes('aria-label')
    expect(label({})).toBe('Waiting to be sent')
    expect(label({ unkept: true })).toContain('Could not be stored')
    expect(label({ state: 'read', readers: [] })).toBe('Read')
    const change = { id: 'c', type: 'edit', body: 'x', state: 'queued', refusal: null } as const
    const own = message(1, { actor: ME })
    expect(markOf({ ...own, change }, timeline([], { readTo: 1 }))).toBe('queued')
    expect(markOf({ ...own, change: { ...change, state: 'sent' } }, timeline([], { readTo: 1 }))).toBe('read')
    expect(markOf(outgoing('o'), timeline([]))).toBe('queued')
    expect(refusalOf(own)).toBeNull()
  })

  it('earlier texts are loaded, or it is said that they cannot be', async () => {
    const row = message(1)
    const load = vi.fn(() => Promise.resolve([{ body: 'first **text**', at: row.at }]))
    const page = mount(MessageHistory, { props: { message: row, anchor: document.body, load }, attachTo: document.body })
    await flushPromises()
    expect(document.querySelector('.history li')!.textContent).toContain('first text')
    document.querySelector<HTMLElement>('.history header button')!.click()
    expect(page.emitted('close')).toHaveLength(1)
    page.unmount()
    mount(MessageHistory, { props: { message: row, anchor: document.body, load: () => Promise.reject(new Error('no')) }, attachTo: document.body })
    await flushPromises()
    expect(document.querySelector('.history')!.textContent).toContain('could not be loaded')
  })

  it('names are short where their first word is one', () => {
    expect(['Clara Jensen', 'bo', 'J. Weber', 'Dr. Ode', ' Ada  van Lee ', '李 小龙', ''].map(shortName)).toEqual(['Clara', 'bo', 'J. Weber', 'Dr. Ode', 'Ada', '李 小龙', ''])
  })

  it('names have initials and a hue', () => {
    expect(['Clara Jensen', 'bo', ' Ada  van Lee ', '!!!', '', '🙂 Zoë', '(Ann)'].map(initials)).toEqual(['CJ', 'B', 'AL', '?', '?', 'Z', 'A'])
    expect(hueOf('a')).toBe(hueOf('a'))
    expect(hueOf('a')).not.toBe(hueOf('b'))
  })

  it('belong inside a chat', () => {
    const stray = defineComponent({ setup: () => (useChat(), () => null) })
    vi.spyOn(console, 'warn').mockReturnValue()
    expect(() => mount(stray)).toThrow('ChatContainer')
  })
})
