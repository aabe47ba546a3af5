import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, nextTick, ref } from 'vue'
import { useSwipeBack } from '@/composables/back'
import { useMissing } from '@/composables/missing'
import { begun, goes, type Pull, pulledTo } from '@/messaging/edge'
import { makeRouter } from '@/router'
import { ApiError, Unreachable, type Person } from '@/sdk'
import { theme } from '@/theme'
import NotFoundView from '@/views/NotFoundView.vue'
import { withLayout } from '../../../tests/layout'
import { conversation, fakeStore } from '../../../tests/store'
import { CONVERSATION } from '../../../tests/timelines'
import GoToDialog from './GoToDialog.vue'
import ListDivider from './ListDivider.vue'
import MissingConversation from './MissingConversation.vue'
import Rail from './Rail.vue'
import { storedWidth } from './width'
import { followPointing } from '@/composables/pointed'
import { useToList } from '@/composables/toList'

const EVA: Person = { id: 'eeeeeeee-0000-4000-8000-000000000005', name: 'Eva Lind', role: 'client', email: null }
const talks = [
  conversation({ id: 'a', subject: 'Harbour', unread: 2, project: 'p' }),
  conversation({ id: 'b', subject: 'Quay wall', project: 'q' }),
  conversation({ id: 'c', subject: '', unread: 1, project: 'p' }),
]
let fake: ReturnType<typeof fakeStore>
let page: VueWrapper | undefined

beforeEach(() => {
  withLayout()
  localStorage.clear()
  fake = fakeStore()
  Object.assign(fake.store.parley, {
    findAccounts: vi.fn(() => Promise.resolve([EVA, { ...EVA, id: fake.store.me!, name: 'Mia Own' }])),
    project: (id: string) => ({ id, name: id === 'p' ? 'Harbour Bridge' : 'Mill Lane', members: 2 }),
  })
  fake.store.$patch((state) => (state.conversations = talks))
})
afterEach(() => {
  page?.unmount()
  page = undefined
  document.body.innerHTML = ''
  vi.useRealTimers()
})

async function shown(part: Parameters<typeof mount>[0], props: Record<string, unknown> = {}) {
  const router = makeRouter()
  page = mount(part, { props, global: { plugins: [fake.pinia, router] }, attachTo: document.body })
  await flushPromises()
  return { page, router }
}
const items = () => [...document.querySelectorAll<HTMLElement>('[role=menuitemradio]')]

describe('the rail', () => {
  it('counts conversations that are unread, and opens what it is asked for', async () => {
    const { page } = await shown(Rail, { project: null })
    expect(page.get('a').attributes('aria-label')).toBe('Conversations, 2 unread')
    await page.get('button[aria-label="Go to"]').trigger('click')
    await page.get('button[aria-label="Settings"]').trigger('click')
    expect([page.emitted('go'), page.emitted('settings')]).toEqual([[[]], [[]]])
  })

  it('chooses a project, by arrow keys too, or all of them', async () => {
    const { page } = await shown(Rail, { project: 'q' })
    const open = async () => {
      await page.get('button[aria-label="Projects"]').trigger('click')
      await flushPromises()
    }
    await open()
    expect(items().map((one) => [one.textContent, one.getAttribute('aria-checked')])).toEqual([['All projects', 'false'], ['Harbour Bridge', 'false'], ['Mill Lane', 'true']])
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowUp']) document.activeElement!.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))
    expect(document.activeElement).toBe(items()[1])
    items()[1]!.click()
    await open()
    items()[0]!.click()
    await nextTick()
    expect(page.emitted('project')).toEqual([['p'], [null]])
    expect(items()).toEqual([])
  })

  it('has no choice to offer where there is one project, and counts no further than it can show', async () => {
    fake.store.$patch((state) => (state.conversations = Array.from({ length: 120 }, (_, n) => conversation({ id: `c${n}`, unread: 1 }))))
    const { page } = await shown(Rail, { project: null })
    expect(page.find('button[aria-label="Projects"]').exists()).toBe(false)
    expect(page.get('.badge').text()).toBe('99+')
  })
})

describe('going anywhere', () => {
  const field = () => document.querySelector<HTMLInputElement>('[role=combobox]')!
  const options = () => [...document.querySelectorAll<HTMLElement>('[role=option]')]
  const press = async (key: string) => {
    field().dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }))
    await nextTick()
  }
  async function type(text: string) {
    vi.useFakeTimers()
    field().value = text
    field().dispatchEvent(new Event('input'))
    await vi.advanceTimersByTimeAsync(200)
    vi.useRealTimers()
    await flushPromises()
  }

  it('offers the conversations, and opens one with Enter', async () => {
    const { page, router } = await shown(GoToDialog)
    const push = vi.spyOn(router, 'push')
    expect(options().map((one) => one.querySelector('.text')!.textContent)).toEqual(['Harbour', 'Quay wall', 'Without a subject'])
    await press('ArrowUp')
    await press('ArrowUp')
    expect(field().getAttribute('aria-activedescendant')).toBe(options()[1]!.id)
    await press('Enter')
    expect(push).toHaveBeenCalledWith({ name: 'conversation', params: { conversation: 'b' } })
    expect(page.emitted('close')).toHaveLength(1)
  })

  it('finds people to write to, and projects to look at', async () => {
    const { page } = await shown(GoToDialog)
    await type('eva')
    expect(options().map((one) => one.textContent)).toEqual([expect.stringContaining('Eva Lind')])
    options()[0]!.click()
    expect(page.emitted('start')).toEqual([[EVA]])
    await type('mill')
    options().at(-1)!.dispatchEvent(new Event('pointermove'))
    await press('ArrowDown')
    await press('ArrowUp')
    await press('Enter')
    expect(page.emitted('project')).toEqual([['q']])
  })

  it.each([
    ['start a', 'start'],
    ['sett', 'settings'],
    ['keyboard', 'shortcuts'],
    ['sign', 'leave'],
  ])('does what is asked for by %s', async (text, event) => {
    Object.assign(fake.store.parley, { findAccounts: () => Promise.reject(new Unreachable('gone')) })
    const { page } = await shown(GoToDialog)
    await type(text)
    await press('Enter')
    expect(page.emitted(event)).toHaveLength(1)
  })

  it('shows nobody whom another query found, and says where the search failed', async () => {
    const { page } = await shown(GoToDialog)
    await type('eva')
    field().value = 'zzz'
    field().dispatchEvent(new Event('input'))
    await nextTick()
    expect(options()).toEqual([])
    expect(document.body.textContent).not.toContain('Nothing by that name.')
    Object.assign(fake.store.parley, { findAccounts: () => Promise.reject(new Unreachable('gone')) })
    await type('zzzz')
    expect(document.querySelector('[role=alert]')).not.toBeNull()
    expect(page.emitted('close')).toBeUndefined()
  })

  it('chooses nothing by the Enter that ends a word of an input method, and keeps what is chosen when more is found', async () => {
    const { page } = await shown(GoToDialog)
    await press('ArrowDown')
    field().dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true }))
    expect(page.emitted('close')).toBeUndefined()
    fake.store.$patch((state) => (state.conversations = [conversation({ id: 'new', subject: 'Newest' }), ...talks]))
    await nextTick()
    expect(options().find((one) => one.getAttribute('aria-selected') === 'true')!.textContent).toContain('Quay wall')
  })

  it('switches between light and dark, whatever holds now', async () => {
    Object.assign(fake.store.parley, { findAccounts: () => Promise.resolve([]) })
    await shown(GoToDialog)
    theme.choose('dark')
    await type('switch')
    await press('Enter')
    expect(theme.chosen.value).toBe('light')
    theme.choose('system')
    await press('Enter')
    expect(theme.chosen.value).toBe('dark')
    theme.choose('system')
  })

  it('says so where nothing is called that', async () => {
    Object.assign(fake.store.parley, { findAccounts: () => Promise.resolve([]) })
    const { page } = await shown(GoToDialog)
    await type('zzz')
    await press('ArrowDown')
    await press('Enter')
    expect(document.body.textContent).toContain('Nothing by that name.')
    expect(page.emitted('close')).toBeUndefined()
  })
})

describe('the width of the list', () => {
  const moved = () => page!.emitted('update:modelValue')?.splice(0).map(([value]) => value) ?? []

  it('is moved by keys within bounds, and kept', async () => {
    const { page } = await shown(ListDivider, { modelValue: 320, 'onUpdate:modelValue': (modelValue: number) => page.setProps({ modelValue }) })
    for (const key of ['ArrowRight', 'ArrowLeft', 'Home', 'End', 'x']) await page.trigger('keydown', { key })
    expect(moved()).toEqual([336, 320, 260, 520])
    expect(localStorage.length).toBe(0)
    await page.trigger('keyup', { key: 'End' })
    expect(storedWidth()).toBe(520)
    document.dir = 'rtl'
    await page.trigger('keydown', { key: 'ArrowRight' })
    document.dir = ''
    expect(moved()).toEqual([504])
    localStorage.setItem('parley.list', '9000')
    expect(storedWidth()).toBe(320)
  })

  it('is dragged, and put back by a double click', async () => {
    const { page } = await shown(ListDivider, { modelValue: 320, 'onUpdate:modelValue': (modelValue: number) => page.setProps({ modelValue }) })
    Object.assign(page.element as Element, { setPointerCapture: vi.fn() })
    await page.trigger('pointermove', { clientX: 500 })
    await page.trigger('pointerdown', { clientX: 300, pointerId: 1 })
    await page.trigger('pointermove', { clientX: 340 })
    expect(localStorage.length).toBe(0)
    await page.trigger('pointerup')
    expect(storedWidth()).toBe(360)
    await page.trigger('pointermove', { clientX: 500 })
    await page.trigger('dblclick')
    expect(moved()).toEqual([360, 320])
  })
})

describe('what is missing', () => {
  async function asked(fault: unknown, id: string | null = 'gone') {
    const details = vi.fn(() => (fault === null ? Promise.resolve(conversation()) : Promise.reject(fault as Error)))
    const facts = (one: string) => ({ value: talks.find((talk) => talk.id === one && talk.subject !== '') ?? null })
    Object.assign(fake.store.parley, { details, conversation: facts })
    const here = ref(id)
    const scope = effectScope()
    const missing = scope.run(() => useMissing(() => here.value))!
    await flushPromises()
    return { details, here, missing, scope }
  }

  it.each([
    [404, true],
    [403, true],
    [503, false],
  ])('is what the server answers with %i: %s', async (status, is) => {
    const { missing, scope } = await asked(new ApiError(status, { code: 'x' }))
    expect(missing.value).toBe(is)
    scope.stop()
  })

  it('is nothing that the list has, that the server knows, or that nobody could be asked for', async () => {
    const known = await asked(null)
    expect(known.missing.value).toBe(false)
    known.here.value = 'a'
    await flushPromises()
    expect(known.details).toHaveBeenCalledTimes(1)
    fake.store.$patch((state) => (state.connection = { ...state.connection, currentAt: 7 }))
    await flushPromises()
    expect(known.details).toHaveBeenCalledTimes(1)
    known.here.value = null
    await flushPromises()
    const away = await asked(new Unreachable('gone'))
    expect(away.missing.value).toBe(false)
    known.scope.stop()
    away.scope.stop()
  })

  it('has a face with a way out, as has an address of nothing', async () => {
    const { page } = await shown(MissingConversation)
    expect(page.text()).toContain('is not here')
    expect(page.get('a').attributes('href')).toBe('/')
    page.unmount()
    const lost = await shown(NotFoundView)
    expect(lost.page.text()).toContain('There is nothing at this address.')
  })
})

describe('a swipe from the edge', () => {
  const point = (x: number, y = 0) => ({ x, y })
  const drag = (...points: readonly [x: number, at: number, y?: number][]) => points.slice(1).reduce((pull, [x, at, y]) => pulledTo(pull, point(x, y), at, false), begun(point(points[0]![0]), points[0]![1]))

  const gone = (pull: Pull, later = 0) => goes(pull, 390, pull.at + later)

  it('goes back when it is far enough, or fast enough', () => {
    expect(gone(drag([5, 0], [60, 100], [160, 900]))).toBe(true)
    expect(gone(drag([5, 0], [20, 20], [80, 60]))).toBe(true)
    expect(gone(drag([5, 0], [30, 100], [80, 900]))).toBe(false)
    expect(gone(drag([5, 0], [8, 100]))).toBe(false)
    // A finger that rests before it is let go does not flick.
    expect(gone(drag([5, 0], [20, 20], [80, 60]), 300)).toBe(false)
  })

  it('is a scroll once it was one', () => {
    expect(gone(drag([5, 0], [8, 20, 40], [300, 60]))).toBe(false)
  })

  it('is mirrored where one reads from right to left', () => {
    const pull = pulledTo(pulledTo(begun(point(385), 0), point(300), 100, true), point(200), 200, true)
    expect(gone(pull)).toBe(true)
  })

  it('pulls the page along on a phone, and nowhere else', () => {
    const narrow = vi.spyOn(window, 'matchMedia').mockReturnValue({ matches: true } as MediaQueryList)
    const back = vi.fn()
    const { listeners, pulled } = useSwipeBack(back)
    const touch = (type: string, x: number | null, timeStamp: number) => listeners[type]!({ touches: x === null ? [] : [{ clientX: x, clientY: 0 }], timeStamp } as unknown as TouchEvent)
    touch('touchmovePassive', 100, 0)
    touch('touchstartPassive', 10, 0)
    touch('touchmovePassive', 15, 10)
    expect(pulled.value).toBeNull()
    touch('touchmovePassive', 500, 50)
    expect(pulled.value).toBe(490)
    touch('touchend', null, 60)
    expect([back.mock.calls.length, pulled.value]).toEqual([1, null])
    touch('touchstartPassive', 200, 100)
    touch('touchmovePassive', 390, 150)
    touch('touchend', null, 200)
    touch('touchstartPassive', 10, 300)
    touch('touchcancel', null, 310)
    narrow.mockReturnValue({ matches: false } as MediaQueryList)
    touch('touchstartPassive', 10, 400)
    touch('touchmovePassive', 390, 450)
    touch('touchend', null, 460)
    expect(back).toHaveBeenCalledTimes(1)
  })
})

describe('the way back to the list', () => {
  it('is a step back where one came from there, and else takes the place of what was open', async () => {
    const { page, router } = await shown({ setup: () => ({ toList: useToList() }), template: '<button @click="toList" />' })
    const back = vi.spyOn(router, 'back').mockImplementation(() => undefined)
    const replace = vi.spyOn(router, 'replace').mockResolvedValue(undefined)
    const press = (state: unknown) => {
      history.replaceState(state, '')
      return page.get('button').trigger('click')
    }
    await press({ back: '/' })
    expect([back.mock.calls.length, replace.mock.calls]).toEqual([1, []])
    await press({ back: '/c/another' })
    await press(null)
    expect([back.mock.calls.length, replace.mock.calls]).toEqual([1, [['/'], ['/']]])
  })
})

describe('the focus ring', () => {
  it('is left out after a touch, until somebody walks by keys', () => {
    const end = followPointing()
    const touched = () => document.documentElement.hasAttribute('data-touched')
    window.dispatchEvent(new PointerEvent('pointerdown', { pointerType: 'touch' }))
    window.dispatchEvent(new KeyboardEvent('keydown', { key: 'a' }))
    expect(touched()).toBe(true)
    window.dispatchEvent(new KeyboardEvent('keydown', { key: 'Tab' }))
    expect(touched()).toBe(false)
    window.dispatchEvent(new PointerEvent('pointerdown', { pointerType: 'mouse' }))
    expect(touched()).toBe(false)
    end()
    window.dispatchEvent(new PointerEvent('pointerdown', { pointerType: 'touch' }))
    expect(touched()).toBe(false)
  })
})

describe('a missing conversation', () => {
  it('is not asked for while there is no connection', async () => {
    const details = vi.fn()
    Object.assign(fake.store.parley, { details })
    fake.store.$patch((state) => (state.connection = { ...state.connection, phase: 'offline' }))
    const scope = effectScope()
    scope.run(() => useMissing(() => CONVERSATION))
    await flushPromises()
    expect(details).not.toHaveBeenCalled()
    scope.stop()
  })
})
