import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { defineComponent, effectScope, h, nextTick, ref, type EffectScope } from 'vue'
import { createMemoryHistory, createRouter } from 'vue-router'
import SettingsDialog from '@/components/frame/SettingsDialog.vue'
import Toasts from '@/components/frame/Toasts.vue'
import { UPDATE } from '@/offline/update'
import { routes } from '@/router'
import type { Notice } from '@/sdk'
import { fakeStore, conversation } from '../../tests/store'
import { ADAM, CLARA, CONVERSATION, message } from '../../tests/timelines'
import { useAway } from './away'
import { useBadge } from './badge'
import { notify } from './desktop'
import { useNotices } from './notices'
import { forget, ring } from './sound'
import { makeToasts } from './toasts'
import { wishes } from './wishes'

const OTHER = '77b0e6d5-4c3b-4a29-9187-f6e5d4c3b2a1'
const MINUTE = 60_000
let scope: EffectScope

beforeEach(() => {
  scope = effectScope()
  localStorage.clear()
  wishes.start()
})
afterEach(() => {
  scope.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('what is wanted', () => {
  const asked = vi.fn<() => void>()
  const permit = (permission: string, answer = permission) => vi.stubGlobal('Notification', { permission, requestPermission: () => (asked(), Promise.resolve(answer)) })

  it('is nothing until somebody says so, and is remembered', async () => {
    permit('default', 'granted')
    expect([wishes.sound.value, wishes.desktop.value]).toEqual([false, false])
    wishes.ring(true)
    await wishes.notify(true)
    permit('granted')
    wishes.start()
    expect([wishes.sound.value, wishes.desktop.value]).toEqual([true, true])
    // In another tab.
    localStorage.setItem('parley.sound', 'off')
    window.dispatchEvent(new Event('storage'))
    expect([wishes.sound.value, wishes.desktop.value]).toEqual([false, true])
    wishes.ring(false)
    await wishes.notify(false)
    wishes.start()
    expect([wishes.sound.value, wishes.desktop.value, wishes.refused.value]).toEqual([false, false, false])
  })

  it('is not there when the browser took its permission back', async () => {
    permit('default', 'granted')
    await wishes.notify(true)
    permit('denied')
    wishes.start()
    expect(wishes.desktop.value).toBe(false)
  })

  it('that the browser refuses is said, without asking in vain', async () => {
    permit('denied')
    asked.mockClear()
    await wishes.notify(true)
    expect(wishes.refused.value).toBe(true)
    expect(asked).not.toHaveBeenCalled()
    permit('default', 'denied')
    await wishes.notify(true)
    expect([wishes.refused.value, wishes.desktop.value]).toEqual([true, false])
    vi.stubGlobal('Notification', undefined)
    await wishes.notify(true)
    expect(wishes.refused.value).toBe(true)
  })

  it('is chosen in the settings, whose box follows the browser', async () => {
    permit('default', 'denied')
    vi.stubGlobal('AudioContext', undefined)
    const page = mount(SettingsDialog, { props: { open: true }, global: { plugins: [fakeStore().pinia] }, attachTo: document.body })
    const [sound, desktop] = [...document.querySelectorAll<HTMLInputElement>('input[type=checkbox]')]
    const { context } = fakeAudio()
    sound!.checked = true
    sound!.dispatchEvent(new Event('change'))
    expect(wishes.sound.value).toBe(true)
    expect(context.createOscillator).toHaveBeenCalledTimes(2)
    desktop!.checked = true
    desktop!.dispatchEvent(new Event('change'))
    await flushPromises()
    expect(desktop!.checked).toBe(false)
    expect(document.body.textContent).toContain('does not allow this page to show notifications')
    page.unmount()
  })
})

function fakeAudio(state = 'running') {
  forget()
  const part = () => ({ frequency: { value: 0 }, gain: { setValueAtTime: vi.fn(), linearRampToValueAtTime: vi.fn(), exponentialRampToValueAtTime: vi.fn() }, connect: (to: unknown) => to, start: vi.fn(), stop: vi.fn() })
  const context = { state, currentTime: 0, destination: {}, createOscillator: vi.fn(part), createGain: vi.fn(part), resume: vi.fn((): Promise<void> => Promise.reject(new Error('no click yet'))) }
  const make = vi.fn(() => context as unknown as AudioContext)
  vi.stubGlobal('AudioContext', function () {
    return context
  })
  return { context, make }
}

describe('the sound', () => {
  it('is two notes', () => {
    const { context, make } = fakeAudio()
    ring(make)
    ring(make)
    expect(make).toHaveBeenCalledTimes(1)
    expect(context.createOscillator).toHaveBeenCalledTimes(4)
  })

  it('that a browser holds back is not made up for later', async () => {
    const { context, make } = fakeAudio('suspended')
    ring(make)
    await flushPromises()
    vi.useFakeTimers()
    let click = () => undefined as void
    context.resume.mockReturnValueOnce(new Promise<void>((resolve) => (click = resolve)))
    ring(make)
    vi.advanceTimersByTime(10_000)
    click()
    await vi.advanceTimersByTimeAsync(1)
    expect(context.createOscillator).not.toHaveBeenCalled()
    context.resume.mockReturnValueOnce(Promise.resolve())
    ring(make)
    await vi.advanceTimersByTimeAsync(1)
    expect(context.createOscillator).toHaveBeenCalledTimes(2)
  })
})

describe('the desktop', () => {
  const told = { title: 'Clara Jensen', body: 'Good morning', tag: CONVERSATION, path: `/c/${CONVERSATION}/4` }

  it('is told by the worker, so that a click is understood when the page is gone', async () => {
    const showNotification = vi.fn(() => Promise.resolve())
    await notify(told, { showNotification } as unknown as ServiceWorkerRegistration, vi.fn())
    expect(showNotification).toHaveBeenCalledWith('Clara Jensen', expect.objectContaining({ tag: CONVERSATION, data: { path: told.path } }))
  })

  it('is told by the page where there is no worker', async () => {
    const made: EventTarget[] = []
    const close = vi.fn()
    vi.stubGlobal('Notification', function (this: unknown) {
      const one = Object.assign(new EventTarget(), { close })
      made.push(one)
      return one
    })
    const open = vi.fn()
    await notify(told, null, open)
    made[0]!.dispatchEvent(new Event('click'))
    expect(open).toHaveBeenCalledWith(told.path)
    expect(close).toHaveBeenCalled()
  })
})

describe('the icon', () => {
  const links = () => [...document.head.querySelectorAll<HTMLLinkElement>('link[rel=icon]')].map((link) => link.getAttribute('href'))
  const drawing = () => {
    const context = { drawImage: vi.fn(), beginPath: vi.fn(), arc: vi.fn(), fill: vi.fn(), fillText: vi.fn() }
    vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(context as unknown as null)
    vi.spyOn(HTMLCanvasElement.prototype, 'toDataURL').mockReturnValue('data:image/png;base64,drawn')
    HTMLImageElement.prototype.decode = vi.fn(() => Promise.resolve())
    return context
  }

  beforeEach(() => {
    document.head.innerHTML = '<link rel="icon" href="/icons/parley.svg">'
  })

  it('shows how much is unread, and the plain one when all is read', async () => {
    const context = drawing()
    const unread = ref(0)
    const app = { setAppBadge: vi.fn(() => Promise.resolve()), clearAppBadge: vi.fn(() => Promise.reject(new Error('not allowed'))) }
    scope.run(() => useBadge(() => unread.value, app))
    unread.value = 3
    await flushPromises()
    expect(links()).toEqual(['data:image/png;base64,drawn'])
    expect(context.fillText).toHaveBeenLastCalledWith('3', 44, 46)
    expect(app.setAppBadge).toHaveBeenCalledWith(3)
    unread.value = 12
    await flushPromises()
    expect(context.fillText).toHaveBeenLastCalledWith('9+', 44, 46)
    unread.value = 0
    await flushPromises()
    expect(links()).toEqual(['/icons/parley.svg'])
    expect(app.clearAppBadge).toHaveBeenCalled()
  })

  it('stays as it is where nothing can be drawn', async () => {
    drawing()
    HTMLImageElement.prototype.decode = vi.fn(() => Promise.reject(new Error('no such picture')))
    scope.run(() => useBadge(() => 2, {}))
    await flushPromises()
    expect(links()).toEqual(['/icons/parley.svg'])
    vi.spyOn(HTMLCanvasElement.prototype, 'getContext').mockReturnValue(null)
    effectScope().run(() => useBadge(() => 2, {}))
    await flushPromises()
    expect(links()).toEqual(['/icons/parley.svg'])
  })
})

describe('somebody who sits here', () => {
  it('is away after five minutes without a sign, and back at the first', () => {
    vi.useFakeTimers()
    const be = vi.fn()
    scope.run(() => useAway(be))
    vi.advanceTimersByTime(4 * MINUTE)
    window.dispatchEvent(new Event('keydown'))
    vi.advanceTimersByTime(4 * MINUTE)
    expect(be).not.toHaveBeenCalled()
    vi.advanceTimersByTime(MINUTE)
    window.dispatchEvent(new Event('pointermove'))
    window.dispatchEvent(new Event('pointermove'))
    expect(be.mock.calls).toEqual([['away'], ['online']])
    vi.advanceTimersByTime(5 * MINUTE)
    expect(be.mock.calls).toEqual([['away'], ['online'], ['away']])
  })
})

describe('toasts', () => {
  const toast = (id: string, seq = 1) => ({ conversation: id, message: message(seq), mentioned: false })
  const ids = (toasts: ReturnType<typeof makeToasts>) => toasts.all.value.map((one) => one.conversation)

  beforeEach(() => vi.useFakeTimers())

  it('are three at most, one for each conversation', () => {
    const toasts = makeToasts()
    for (const id of ['a', 'b', 'a', 'c', 'd']) toasts.add(toast(id))
    expect(ids(toasts)).toEqual(['a', 'c', 'd'])
  })

  it('go by themselves, unless somebody is at them', () => {
    const toasts = makeToasts()
    toasts.add(toast('a'))
    vi.advanceTimersByTime(6000)
    toasts.add(toast('a', 2))
    vi.advanceTimersByTime(6000)
    expect(ids(toasts)).toEqual(['a'])
    toasts.hold('focus')
    toasts.hold('pointer')
    toasts.add(toast('b'))
    toasts.resume('pointer')
    vi.advanceTimersByTime(60_000)
    expect(ids(toasts)).toEqual(['a', 'b'])
    toasts.resume('focus')
    vi.advanceTimersByTime(7000)
    expect(ids(toasts)).toEqual([])
  })

  it('do not stay because the last one took the focus with it', () => {
    const toasts = makeToasts()
    toasts.add(toast('a'))
    toasts.hold('focus')
    toasts.remove('a')
    toasts.add(toast('b'))
    vi.advanceTimersByTime(7000)
    expect(ids(toasts)).toEqual([])
  })
})

describe('the page', () => {
  let page: VueWrapper
  let say: (notice: Partial<Notice>) => void
  const shown = ref<string | null>(OTHER)
  const showNotification = vi.fn((_title: string, _options: object) => Promise.resolve())
  const close = vi.fn()
  const getNotifications = vi.fn((_of: object) => Promise.resolve([{ close }]))

  async function open() {
    const { pinia, store } = fakeStore()
    const be = vi.fn()
    let listener: (notice: Notice) => void = () => undefined
    Object.assign(store.parley, { be, on: (_: string, told: typeof listener) => ((listener = told), () => (listener = () => undefined)) })
    store.$patch((state) => (state.conversations = [conversation()]))
    say = (notice) => listener({ conversation: CONVERSATION, message: message(4), live: true, mentioned: false, primary: true, ...notice })
    const router = createRouter({ history: createMemoryHistory(), routes })
    const Page = defineComponent(() => {
      const toasts = useNotices(() => shown.value)
      return () => h(Toasts, { toasts })
    })
    page = mount(Page, { global: { plugins: [pinia, router], provide: { [UPDATE as symbol]: { registration: () => ({ showNotification, getNotifications }) } } }, attachTo: document.body })
    await flushPromises()
    return { router }
  }

  beforeEach(() => {
    shown.value = OTHER
    showNotification.mockClear()
  })
  afterEach(() => page.unmount())

  it('shows a message of another conversation, until that is opened', async () => {
    await open()
    say({ message: message(4, { actor: CLARA, body: 'the **railing** is green' }), mentioned: true })
    await flushPromises()
    expect(page.text()).toContain('Clara Jensen')
    expect(page.text()).toContain('Harbour')
    expect(page.text()).toContain('mentions you')
    expect(page.text()).toContain('the railing is green')
    shown.value = CONVERSATION
    await nextTick()
    expect(page.find('a').exists()).toBe(false)
  })

  it('takes back from the desktop what is read, and all of it when somebody leaves', async () => {
    await open()
    expect(getNotifications).toHaveBeenLastCalledWith({ tag: OTHER })
    shown.value = CONVERSATION
    await flushPromises()
    expect(getNotifications).toHaveBeenLastCalledWith({ tag: CONVERSATION })
    close.mockClear()
    getNotifications.mockRejectedValueOnce(new Error('no worker any more'))
    page.unmount()
    expect(getNotifications).toHaveBeenLastCalledWith({})
    await open()
    page.unmount()
    await flushPromises()
    expect(close).toHaveBeenCalled()
  })

  it('does not ring for what it has in front, also where a browser has no locks', async () => {
    const { context } = fakeAudio()
    vi.spyOn(document, 'hasFocus').mockReturnValue(true)
    shown.value = CONVERSATION
    await open()
    wishes.ring(true)
    say({})
    await flushPromises()
    expect(context.createOscillator).not.toHaveBeenCalled()
  })

  it('goes to it by a click, and puts it away by another', async () => {
    const { router } = await open()
    const push = vi.spyOn(router, 'push')
    say({})
    await flushPromises()
    await page.get('a').trigger('click')
    expect(push).toHaveBeenCalled()
    expect(page.find('a').exists()).toBe(false)
    say({})
    await flushPromises()
    await page.get('button').trigger('click')
    expect(page.find('a').exists()).toBe(false)
  })

  it('keeps it while the pointer or the focus is on it', async () => {
    await open()
    vi.useFakeTimers()
    say({})
    await vi.advanceTimersByTimeAsync(10)
    for (const [at, off] of [['pointerenter', 'pointerleave'], ['focusin', 'focusout']] as const) {
      await page.get('[role=log]').trigger(at)
      await vi.advanceTimersByTimeAsync(20_000)
      expect(page.find('a').exists()).toBe(true)
      await page.get('[role=log]').trigger(off)
    }
    await vi.advanceTimersByTimeAsync(7000)
    expect(page.find('a').exists()).toBe(false)
  })

  it('has the desktop and the speaker say it where they were asked to, and nobody is there', async () => {
    vi.stubGlobal('Notification', { permission: 'granted', requestPermission: () => Promise.resolve('granted') })
    vi.spyOn(document, 'hasFocus').mockReturnValue(false)
    const { context } = fakeAudio()
    await open()
    await wishes.notify(true)
    wishes.ring(true)
    say({ message: message(4, { actor: ADAM, body: 'hello' }), mentioned: true })
    await flushPromises()
    expect(context.createOscillator).toHaveBeenCalledTimes(2)
    expect(showNotification).toHaveBeenCalledWith('Adam Ode mentions you', expect.objectContaining({ body: 'Harbour\nhello', data: { path: `/c/${CONVERSATION}/4` } }))
    showNotification.mockRejectedValueOnce(new TypeError('permission was taken back'))
    say({ message: message(5, { actor: ADAM, body: null }), conversation: OTHER })
    await flushPromises()
    expect(showNotification).toHaveBeenLastCalledWith('Adam Ode', expect.objectContaining({ body: '' }))
  })
})
