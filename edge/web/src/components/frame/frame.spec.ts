import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, nextTick, ref } from 'vue'
import { usePageTitle } from '@/composables/title'
import { i18n } from '@/i18n'
import { ApiError } from '@/sdk'
import { theme } from '@/theme'
import SignInView from '@/views/SignInView.vue'
import { conversation, fakeStore } from '../../../tests/store'
import ConnectionBanner from './ConnectionBanner.vue'
import SettingsDialog from './SettingsDialog.vue'
import ShortcutsDialog from './ShortcutsDialog.vue'
import SignOutDialog from './SignOutDialog.vue'

let page: VueWrapper
let fake: ReturnType<typeof fakeStore>
const within = (selector: string) => document.querySelector<HTMLElement>(selector)!
const all = (selector: string) => [...document.querySelectorAll<HTMLElement>(selector)]

beforeEach(() => {
  fake = fakeStore()
})
afterEach(() => {
  page.unmount()
  vi.useRealTimers()
})

async function show(component: Parameters<typeof mount>[0], props: Record<string, unknown> = {}) {
  page = mount(component, { props, global: { plugins: [fake.pinia] }, attachTo: document.body })
  await flushPromises()
}

describe('the banner', () => {
  const connection = (phase: 'offline' | 'connecting' | 'live' | 'stopped' | 'catching-up') => fake.store.$patch((state) => (state.connection = { ...state.connection, phase }))

  beforeEach(() => vi.useFakeTimers())

  it('does not speak of a hiccup, and goes when all is caught up', async () => {
    await show(ConnectionBanner)
    connection('offline')
    await vi.advanceTimersByTimeAsync(1500)
    connection('live')
    await vi.advanceTimersByTimeAsync(1500)
    expect(page.text()).toBe('')
    connection('offline')
    await vi.advanceTimersByTimeAsync(2000)
    connection('catching-up')
    await nextTick()
    expect(page.text()).toContain('Reconnecting')
    connection('live')
    await nextTick()
    expect(page.text()).toBe('')
  })

  it('says since when', async () => {
    await show(ConnectionBanner)
    fake.store.$patch((state) => (state.connection = { ...state.connection, phase: 'offline', currentAt: new Date(2026, 4, 3, 14, 5).getTime() }))
    await vi.advanceTimersByTimeAsync(2000)
    expect(page.text()).toMatch(/since (14:05|2:05\sPM)\. Reconnecting/)
  })

  it('lets somebody try at once, and says when nobody tries any more', async () => {
    const retryNow = vi.fn()
    fake.store.parley.retryNow = retryNow
    await show(ConnectionBanner)
    connection('offline')
    await vi.advanceTimersByTimeAsync(2000)
    await page.find('button').trigger('click')
    expect(retryNow).toHaveBeenCalledOnce()
    connection('stopped')
    await nextTick()
    expect(page.text()).toContain('Reload the page')
  })
})

describe('signing out', () => {
  it('tells what is lost, and what is deleted here', async () => {
    const signOut = vi.fn(() => Promise.resolve())
    fake.store.parley.signOut = signOut
    fake.store.$patch((state) => (state.unsent = 2))
    await show(SignOutDialog)
    expect(within('dialog').textContent).toContain('2 messages are not sent yet')
    expect(document.activeElement?.textContent).toBe('Stay')
    all('dialog .actions button')[1]!.click()
    await flushPromises()
    expect(signOut).toHaveBeenCalledOnce()
    expect(page.emitted('close')).toHaveLength(1)
  })

  it('says when the server could not be told, and nothing happened', async () => {
    fake.store.parley.signOut = vi.fn(() => Promise.reject(new Error('unreachable')))
    await show(SignOutDialog)
    expect(document.activeElement?.textContent).toBe('Sign out')
    all('dialog .actions button')[1]!.click()
    await flushPromises()
    expect(within('[role=alert]').textContent).toContain('Nothing was deleted')
    all('dialog .actions button')[0]!.click()
    expect(page.emitted('close')).toHaveLength(1)
  })
})

describe('the settings', () => {
  it('choose the theme and the language', async () => {
    fake.store.$patch((state) => (state.storage = { kind: 'memory', trouble: 'unavailable' }))
    await show(SettingsDialog)
    expect(within('dialog').textContent).toContain('Mia Own')
    expect(within('dialog').textContent).toContain('keeps nothing')
    const open = all('dialog .button')[0]!
    open.click()
    expect(page.emitted('shortcuts')).toHaveLength(1)
    const [, , dark, , german] = all('input')
    dark!.click()
    await nextTick()
    expect(theme.chosen.value).toBe('dark')
    german!.click()
    await vi.waitFor(() => expect(i18n.locale.value).toBe('de'))
    await nextTick()
    expect(within('dialog h2').textContent).toBe('Einstellungen')
    await i18n.choose('en')
    theme.choose('system')
  })
})

describe('the settings of a device', () => {
  const device = (...holding: string[]) => vi.spyOn(window, 'matchMedia').mockImplementation((query) => Object.assign(new EventTarget(), { matches: holding.includes(query), media: query }) as unknown as MediaQueryList)
  const labels = () => all('dialog label').map((one) => one.textContent.trim())
  beforeEach(() => vi.stubGlobal('Notification', class {}))
  afterEach(() => vi.unstubAllGlobals())

  it('speak of a desktop and of keys only where there are any', async () => {
    device('(hover: none) and (pointer: coarse)')
    await show(SettingsDialog, { width: 320 })
    expect(labels().at(-1)).toBe('Show them on this device')
    expect([all('.more').length, labels().includes('Usual')]).toEqual([0, false])
    page.unmount()
    device()
    await show(SettingsDialog, { width: 320 })
    expect(labels().at(-1)).toBe('Show them on the desktop')
    expect(within('.more').textContent).toContain('Keyboard shortcuts')
  })

  it('choose how wide the list is without a drag, and keep it', async () => {
    device('(min-width: 1100px)')
    await show(SettingsDialog, { width: 320 })
    all('input[name=width]')[2]!.click()
    await nextTick()
    expect(page.emitted('update:width')).toEqual([[420]])
    expect(localStorage.getItem('parley.list')).toBe('420')
    localStorage.clear()
  })
})

describe('the sheet of shortcuts', () => {
  it('lists each key once in its place, and goes', async () => {
    await show(ShortcutsDialog)
    expect(all('h3').map((one) => one.textContent)).toEqual(['Anywhere', 'While writing', 'On a message'])
    expect(all('dt')[0]!.textContent).toBe('CtrlK')
    within('dialog header button').click()
    expect(page.emitted('close')).toHaveLength(1)
  })
})

describe('signing in', () => {
  async function attempt(outcome: () => Promise<never>) {
    const signIn = vi.fn(outcome)
    fake.store.parley.signIn = signIn
    await show(SignInView)
    await page.find('input[type=email]').setValue(' mia@parley.example ')
    await page.find('input[type=password]').setValue('secret')
    await page.find('form').trigger('submit')
    await flushPromises()
    expect(signIn).toHaveBeenCalledWith('mia@parley.example', 'secret')
    return page.find('[role=alert]').text()
  }
  const refusal = (status: number, code: string) => () => Promise.reject(new ApiError(status, { code, detail: 'Only pages of this server.' }))

  it('puts nothing down to the password but what the server does', async () => {
    expect(await attempt(refusal(401, 'unauthenticated'))).toContain('password is wrong')
    page.unmount()
    expect(await attempt(refusal(429, 'rate_limited'))).toContain('Too many attempts')
    page.unmount()
    expect(await attempt(refusal(403, 'forbidden'))).toContain('Only pages of this server.')
    page.unmount()
    expect(await attempt(refusal(503, 'unavailable'))).toContain('cannot be reached')
    page.unmount()
    expect(await attempt(() => Promise.reject(new TypeError('fetch')))).toContain('cannot be reached')
  })
})

describe('the title', () => {
  it('tells how much is unread and what is open', async () => {
    await show(ConnectionBanner)
    const here = ref<string | null>(null)
    const list = (...all: ReturnType<typeof conversation>[]) => fake.store.$patch((state) => (state.conversations = all))
    const harbour = conversation({ id: 'a', subject: 'Harbour', unread: 0 })
    list(harbour, conversation({ id: 'b', unread: 3 }))
    const scope = effectScope()
    scope.run(() => usePageTitle(() => fake.store.unread, () => fake.store.subject(here.value ?? '')))
    expect(document.title).toBe('(3) Parley')
    here.value = 'a'
    list(harbour, conversation({ id: 'b', unread: 100 }))
    await nextTick()
    expect(document.title).toBe('(99+) Harbour · Parley')
    list(harbour)
    await nextTick()
    expect(document.title).toBe('Harbour · Parley')
    scope.stop()
    expect(document.title).toBe('Parley')
  })
})
