import { flushPromises, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { nextTick } from 'vue'
import { fakeChat, inChat } from '../../../tests/chat'
import { withLayout } from '../../../tests/layout'
import { ME, message, messages, occurrence, outgoing, timeline } from '../../../tests/timelines'
import MessageList from './MessageList.vue'

beforeAll(withLayout)
beforeEach(() => {
  vi.spyOn(document, 'hasFocus').mockReturnValue(true)
})
afterEach(() => (document.body.innerHTML = ''))

const settled = async (after = 20) => {
  for (let turn = 0; turn < 6; turn++) await flushPromises()
  await new Promise((resolve) => setTimeout(resolve, after))
  await flushPromises()
}

async function opened(chat = fakeChat(timeline(messages(1, 100)))): Promise<VueWrapper> {
  const page = inChat(MessageList, {}, chat)
  await settled()
  return page
}

const rows = (page: VueWrapper) => page.findAll('article').map((row) => Number(row.attributes('data-index')))
const scroller = (page: VueWrapper) => page.find('[role=feed]')
async function scrolled(page: VueWrapper, to: number): Promise<void> {
  scroller(page).element.scrollTop = to
  await scroller(page).trigger('scroll')
  await settled()
}

describe('the list', () => {
  it('draws a window of the rows, each with its place among all', async () => {
    const page = await opened()
    expect(rows(page).length).toBeGreaterThan(3)
    expect(rows(page).length).toBeLessThan(40)
    const row = page.find('article')
    expect(row.attributes('aria-setsize')).toBe('100')
    expect(row.attributes('aria-label')).toContain('Clara Jensen')
    expect(page.findAll('article[tabindex="0"]').length).toBeLessThanOrEqual(1)
  })

  it('marks what is seen as read, but only while somebody looks', async () => {
    const shown = timeline(messages(1, 20), { read: 20 })
    const chat = fakeChat(shown)
    await opened(chat)
    vi.spyOn(document, 'hasFocus').mockReturnValue(false)
    chat.timeline.value = timeline(messages(1, 21), { read: 20 })
    await settled()
    expect(chat.markRead).not.toHaveBeenCalled()
    vi.spyOn(document, 'hasFocus').mockReturnValue(true)
    window.dispatchEvent(new Event('focus'))
    expect(chat.markRead).toHaveBeenCalledWith(21)
  })

  it('opens at the first unread message, with a line above it, having loaded it', async () => {
    const chat = fakeChat(timeline(messages(51, 100), { read: 20, unread: 80 }))
    chat.loadTo.mockImplementation((seq: number) => {
      chat.timeline.value = timeline(messages(seq - 5, 100), { read: 20, unread: 80 })
      return Promise.resolve(true)
    })
    const page = await opened(chat)
    expect(chat.loadTo).toHaveBeenCalledWith(21)
    await scrolled(page, 180)
    expect(page.find('.new').text()).toBe('New')
  })

  it('offers no way to the newest message where all of it is seen', async () => {
    const page = await opened(fakeChat(timeline(messages(1, 5), { read: 3, unread: 2 })))
    await settled(60)
    expect(page.find('.new').text()).toBe('New')
    expect(page.find('.newest').exists()).toBe(false)
    const longer = await opened(fakeChat(timeline(messages(1, 50), { read: 3, unread: 47 })))
    await settled(60)
    expect(longer.find('.newest').exists()).toBe(true)
  })

  it('asks for no first message where none can be written', async () => {
    const page = await opened(fakeChat(timeline([occurrence(1, 'created')]), { silent: true }))
    expect(page.find('.quiet').text()).toBe('Nothing has been said here yet.')
  })

  it('shows a skeleton until there is something, and an empty face when there is nothing', async () => {
    const chat = fakeChat(timeline([]))
    const page = await opened(chat)
    await settled(170)
    expect(page.find('.skeleton .message').exists()).toBe(true)
    chat.timeline.value = timeline([occurrence(1, 'created')])
    await settled()
    expect(page.find('.skeleton').exists()).toBe(false)
    expect(page.text()).toContain('Nothing has been said here yet. Write the first message below.')
    chat.timeline.value = timeline([occurrence(1, 'created'), message(2)])
    await settled()
    expect(page.text()).not.toContain('Nothing has been said')
  })

  it('says when nothing could be loaded, and tries again', async () => {
    const chat = fakeChat(timeline([]))
    const page = await opened(chat)
    expect(page.find('[role=alert]').exists()).toBe(false)
    chat.timeline.value = timeline([], { trouble: 'network' })
    await settled()
    expect(page.find('[role=alert]').text()).toContain('could not be loaded')
    await page.find('[role=alert] button').trigger('click')
    expect(chat.openAgain).toHaveBeenCalledOnce()
  })

  it('loads older messages near the beginning, says that it does, and that it could not', async () => {
    const chat = fakeChat(timeline(messages(101, 200)))
    const page = await opened(chat)
    await scrolled(page, 40)
    expect(chat.loadOlder).toHaveBeenCalled()
    chat.timeline.value = timeline(messages(101, 200), { loading: true })
    await settled()
    expect(page.find('.older').text()).toContain('Loading older')
    chat.timeline.value = timeline(messages(101, 200), { trouble: 'network' })
    await settled()
    chat.loadOlder.mockClear()
    await page.find('.older button').trigger('click')
    expect(chat.loadOlder).toHaveBeenCalledOnce()
  })

  it('keeps prepended and appended rows apart in one change', async () => {
    const chat = fakeChat(timeline(messages(101, 200)))
    const page = await opened(chat)
    chat.timeline.value = timeline(messages(51, 203))
    await settled()
    expect(page.find('article').attributes('aria-setsize')).toBe('153')
  })

  it('begins anew when the log became another', async () => {
    const chat = fakeChat(timeline(messages(1, 50)))
    const page = await opened(chat)
    chat.timeline.value = timeline(messages(500, 520))
    await settled()
    expect(page.find('article').attributes('aria-setsize')).toBe('21')
  })

  it('offers the way back to the end, with what came meanwhile', async () => {
    const chat = fakeChat(timeline(messages(1, 100)))
    const page = await opened(chat)
    await scrolled(page, 3000)
    await scrolled(page, 1000)
    expect(page.find('.newest').text()).toBe('To the newest message')
    chat.timeline.value = timeline(messages(1, 102), { read: 100 })
    await settled()
    expect(page.find('.newest').text()).toBe('2 new messages')
    await page.find('.newest').trigger('click')
    await settled()
    expect(page.find('.newest').exists()).toBe(false)
  })

  it('follows what one says oneself, from wherever', async () => {
    const chat = fakeChat(timeline(messages(1, 100)))
    const page = await opened(chat)
    await scrolled(page, 3000)
    await scrolled(page, 1000)
    chat.timeline.value = timeline(messages(1, 100), { outgoing: [outgoing('o')] })
    await settled()
    expect(page.find('.newest').exists()).toBe(false)
  })

  it('announces a new message of others once, and nothing that was there', async () => {
    const chat = fakeChat(timeline([]))
    const page = await opened(chat)
    chat.timeline.value = timeline(messages(1, 5))
    await settled()
    const live = () => page.find('[aria-live=polite]').text()
    expect(live()).toBe('')
    chat.timeline.value = timeline([...messages(1, 5), message(6, { body: '**Good** morning' })])
    await settled()
    expect(live()).toBe('Clara Jensen: Good morning')
    chat.timeline.value = timeline([...messages(1, 6), message(7, { actor: ME })])
    await settled()
    expect(live()).toBe('Clara Jensen: Good morning')
  })

  it('is walked by keys, and does what they say to the focused message', async () => {
    const chat = fakeChat(timeline([occurrence(1, 'created'), message(2), message(3, { actor: ME })], { outgoing: [outgoing('o')] }))
    const page = await opened(chat)
    const row = (index: number) => page.find<HTMLElement>(`[data-index="${index}"]`)
    row(3).element.focus()
    const press = async (key: string) => {
      document.activeElement!.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }))
      await nextTick()
      await nextTick()
      await nextTick()
    }
    for (const key of ['c', 'Enter', 'r', 'x']) await press(key)
    expect(chat.copyText).toHaveBeenCalledOnce()
    expect(chat.menu).toHaveBeenCalledOnce()
    expect(chat.reply).not.toHaveBeenCalled()
    await press('ArrowUp')
    expect(document.activeElement).toBe(row(2).element)
    for (const key of ['r', 'e', '+', 'Delete']) await press(key)
    for (const act of [chat.reply, chat.edit, chat.chooseReaction, chat.remove]) expect(act).toHaveBeenCalledOnce()
    await press('ArrowUp')
    for (const key of ['e', 'Delete']) await press(key)
    expect(chat.edit).toHaveBeenCalledOnce()
    await press('Home')
    expect(document.activeElement).toBe(row(0).element)
    for (const key of ['r', 'ArrowUp']) await press(key)
    await press('ArrowDown')
    await press('End')
    expect(document.activeElement).toBe(row(3).element)
    await press('Escape')
    expect(page.emitted('leave')).toHaveLength(1)
    row(1).element.focus()
    await nextTick()
    page.find<HTMLElement>('.toolbar button').element.focus()
    await press('Escape')
    expect(document.activeElement).toBe(row(1).element)
    await press('ArrowDown')
    expect(document.activeElement).toBe(row(2).element)
  })

  it('shows the toolbar where the pointer is', async () => {
    const page = await opened(fakeChat(timeline(messages(1, 3))))
    await page.find('[data-index="1"] .body').trigger('pointerover')
    expect(page.find('[data-index="1"] .toolbar').exists()).toBe(true)
    await scroller(page).trigger('pointerleave')
    expect(page.find('.toolbar').exists()).toBe(false)
    await scroller(page).trigger('pointerover')
    expect(page.find('.toolbar').exists()).toBe(false)
  })

  it('shows it while nothing runs past the pointer, and where the rows have stopped', async () => {
    const page = await opened()
    const row = page.find('article')
    scroller(page).element.scrollTop = 1000
    await scroller(page).trigger('scroll')
    await row.trigger('pointerover')
    expect(page.find('.toolbar').exists()).toBe(false)
    const find = scroller(page).element.querySelector.bind(scroller(page).element)
    vi.spyOn(scroller(page).element, 'querySelector').mockImplementation((selector: string) => find(selector.replace(':hover', '')))
    await settled(300)
    expect(page.find('.toolbar').exists()).toBe(true)
  })

  it('answers a message that is swiped, and opens its menu under a long press', async () => {
    const chat = fakeChat(timeline([occurrence(1, 'created'), message(2), message(3)]))
    const page = await opened(chat)
    vi.useFakeTimers()
    const pulled = () => page.findAll('.pulled').map((one) => one.text())
    const on = page.get('[data-index="1"] .body')
    const finger = (x: number, y = 0) => ({ touches: [{ clientX: 40 + x, clientY: y }] })
    await on.trigger('touchstart', finger(0))
    await on.trigger('touchmove', finger(40))
    expect(page.get('.pulled').attributes('style')).toContain('--pulled: 40px')
    expect(pulled()).toHaveLength(1)
    await on.trigger('touchmove', finger(80))
    await on.trigger('touchend')
    expect(pulled()).toEqual([])
    expect(chat.reply.mock.calls).toEqual([[message(2)]])

    await on.trigger('touchstart', finger(0))
    vi.advanceTimersByTime(500)
    expect(chat.menu).toHaveBeenCalledWith(message(2), page.get('[data-index="1"] .content').element)
    // To lift the finger presses nothing of the menu that lies under it by now.
    const lift = new Event('touchend', { cancelable: true, bubbles: true })
    on.element.dispatchEvent(lift)
    expect(lift.defaultPrevented).toBe(true)
    // Nothing of these is a swipe: begun after the menu, two fingers, upwards, beside the messages, at an occurrence.
    await on.trigger('touchmove', finger(5))
    await on.trigger('touchstart', { touches: [] })
    await on.trigger('touchstart', finger(0))
    await on.trigger('touchmove', { touches: [] })
    await on.trigger('touchmove', finger(0, 90))
    await on.trigger('touchcancel')
    for (const beside of [scroller(page), page.get('[data-index="0"] .line')]) {
      await beside.trigger('touchstart', finger(0))
      await beside.trigger('touchmove', finger(80))
      await beside.trigger('touchend')
    }
    expect(chat.reply).toHaveBeenCalledOnce()
    vi.useRealTimers()
  })

  it('answers nothing by a swipe where nothing can be said', async () => {
    const chat = fakeChat(timeline([message(1)]), { silent: true })
    const page = await opened(chat)
    const on = page.get('.body')
    await on.trigger('touchstart', { touches: [{ clientX: 0, clientY: 0 }] })
    await on.trigger('touchmove', { touches: [{ clientX: 80, clientY: 0 }] })
    await on.trigger('touchend')
    expect(chat.reply).not.toHaveBeenCalled()
  })

  it('jumps to a message, and says when there is none', async () => {
    const chat = fakeChat(timeline([message(2), message(3), message(9)]))
    const page = await opened(chat)
    const list = page.vm as unknown as { jump(seq: number): Promise<boolean>; toEnd(): void }
    expect(await list.jump(3)).toBe(true)
    await settled()
    expect(page.find('.found').text()).toContain('Message 3')
    expect(await list.jump(5)).toBe(false)
    expect(await list.jump(99)).toBe(false)
    chat.timeline.value = timeline(messages(40, 50))
    await settled()
    expect(await list.jump(4)).toBe(false)
    list.toEnd()
  })

  it('keeps the focused row while older ones come before it', async () => {
    const chat = fakeChat(timeline(messages(101, 110)))
    const page = await opened(chat)
    page.find<HTMLElement>('[data-index="2"]').element.focus()
    chat.timeline.value = timeline(messages(51, 110))
    await settled()
    expect(page.find('article[tabindex="0"]').attributes('data-index')).toBe('52')
  })
})
