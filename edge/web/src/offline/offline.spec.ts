import { mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { nextTick } from 'vue'
import SettingsDialog from '@/components/frame/SettingsDialog.vue'
import UpdateNotice from '@/components/frame/UpdateNotice.vue'
import { fakeStore } from '../../tests/store'
import { followInstall, INSTALL } from './install'
import { keepWhatIsUnsent } from './keeping'
import { followWorker, UPDATE } from './update'

class FakeWorker extends EventTarget {
  state = 'installing'
  postMessage = vi.fn()
  become(state: string) {
    this.state = state
    this.dispatchEvent(new Event('statechange'))
  }
}

class FakeRegistration extends EventTarget {
  installing: FakeWorker | null = null
  waiting: FakeWorker | null = null
  active: FakeWorker | null = null
  update = vi.fn(() => Promise.resolve())
}

class FakeContainer extends EventTarget {
  controller: FakeWorker | null = null
  registration = new FakeRegistration()
  register = vi.fn(() => Promise.resolve(this.registration))
  send = (data: unknown) => this.dispatchEvent(new MessageEvent('message', { data }))
  changeController = () => this.dispatchEvent(new Event('controllerchange'))
}

let container: FakeContainer
let reload: ReturnType<typeof vi.fn<() => void>>
let show: ReturnType<typeof vi.fn<(path: string) => void>>
let time: number

beforeEach(() => {
  container = new FakeContainer()
  reload = vi.fn()
  show = vi.fn()
  time = 1_000_000
})
afterEach(() => vi.unstubAllGlobals())

async function follow() {
  const update = followWorker({ container: container as unknown as ServiceWorkerContainer, reload, show, now: () => time })
  await Promise.resolve()
  await nextTick()
  return update
}

describe('a new version', () => {
  it('is no news where it is the first', async () => {
    container.registration.installing = new FakeWorker()
    const update = await follow()
    container.registration.installing.become('installed')
    container.changeController()
    expect(update.ready.value).toBe(false)
    expect(reload).not.toHaveBeenCalled()
  })

  it('waits until somebody wants it, then takes over, and the page is loaded anew', async () => {
    container.controller = new FakeWorker()
    const update = await follow()
    const coming = (container.registration.installing = new FakeWorker())
    container.registration.dispatchEvent(new Event('updatefound'))
    coming.become('installed')
    expect(update.ready.value).toBe(true)
    container.registration.waiting = coming
    update.reload()
    expect(coming.postMessage).toHaveBeenCalledWith({ type: 'take-over' })
    expect(reload).not.toHaveBeenCalled()
    container.changeController()
    expect(reload).toHaveBeenCalledTimes(1)
  })

  it('that came while no page was open is told of at once', async () => {
    container.controller = new FakeWorker()
    container.registration.waiting = new FakeWorker()
    expect((await follow()).ready.value).toBe(true)
  })

  it('that another page wanted does not interrupt this one', async () => {
    container.controller = new FakeWorker()
    const update = await follow()
    container.changeController()
    expect(reload).not.toHaveBeenCalled()
    expect(update.ready.value).toBe(true)
    update.reload()
    expect(reload).toHaveBeenCalledTimes(1)
  })

  it('is looked for, not more than once a minute', async () => {
    const update = await follow()
    container.registration.update.mockRejectedValueOnce(new TypeError('no network'))
    for (const after of [30_000, 31_000, 10_000, 60_000]) {
      time += after
      update.look()
    }
    expect(container.registration.update).toHaveBeenCalledTimes(2)
    expect(update.registration()).toBeNull()
    container.registration.active = new FakeWorker()
    expect(update.registration()).toBe(container.registration)
  })
})

describe('the worker', () => {
  it('is registered by the one address that the policy of the page trusts', async () => {
    const rules = { createScriptURL: (address: string): string => address }
    const createPolicy = vi.fn((_: string, given: object) => Object.assign(rules, given))
    vi.stubGlobal('trustedTypes', { createPolicy })
    await follow()
    expect(createPolicy).toHaveBeenCalledWith('parley', expect.anything())
    expect(container.register).toHaveBeenCalledWith('/sw.js', { updateViaCache: 'none' })
    expect(() => rules.createScriptURL('https://evil.example/sw.js')).toThrow(TypeError)
  })

  it('may be forbidden, or not exist: the app goes on', async () => {
    container.register.mockRejectedValueOnce(new Error('not allowed'))
    const update = await follow()
    update.look()
    expect(update.registration()).toBeNull()
    const without = followWorker({ container: undefined, reload, show, now: () => time })
    without.look()
    without.reload()
    expect(reload).toHaveBeenCalledTimes(1)
  })

  it('has the page show what a notification is about', async () => {
    await follow()
    for (const data of [null, { type: 'other', path: '/' }, { type: 'show' }, { type: 'show', path: '/c/5d3c/7' }]) container.send(data)
    expect(show.mock.calls).toEqual([['/c/5d3c/7']])
  })
})

describe('the notice', () => {
  let page: VueWrapper
  afterEach(() => page.unmount())

  async function shown() {
    const { pinia, store } = fakeStore()
    container.controller = new FakeWorker()
    container.registration.waiting = new FakeWorker()
    const update = await follow()
    page = mount(UpdateNotice, { global: { plugins: [pinia], provide: { [UPDATE as symbol]: update } }, attachTo: document.body })
    return { update, store }
  }

  it('reloads when somebody says so', async () => {
    await shown()
    await page.get('button').trigger('click')
    expect(container.registration.waiting!.postMessage).toHaveBeenCalled()
  })

  it('goes when somebody has no time', async () => {
    await shown()
    await page.findAll('button')[1]!.trigger('click')
    expect(page.text()).toBe('')
  })

  it('has the worker look when the connection comes back, and when somebody comes back', async () => {
    const { store } = await shown()
    time += 60_000
    store.$patch((state) => (state.connection = { ...state.connection, phase: 'offline' }))
    await nextTick()
    store.$patch((state) => (state.connection = { ...state.connection, phase: 'live' }))
    await nextTick()
    expect(container.registration.update).toHaveBeenCalledTimes(1)
    time += 60_000
    document.dispatchEvent(new Event('visibilitychange'))
    expect(container.registration.update).toHaveBeenCalledTimes(2)
  })
})

describe('installing', () => {
  it('is offered in the settings once the browser would, for one time', async () => {
    const target = new EventTarget()
    const install = followInstall(target)
    const offer = Object.assign(new Event('beforeinstallprompt', { cancelable: true }), { prompt: vi.fn(() => Promise.resolve()) })
    const page = mount(SettingsDialog, { props: { open: true }, global: { plugins: [fakeStore().pinia], provide: { [INSTALL as symbol]: install } }, attachTo: document.body })
    const button = () => [...document.querySelectorAll('button')].find((one) => one.textContent === 'Install Parley')
    expect(button()).toBeUndefined()
    target.dispatchEvent(offer)
    await nextTick()
    expect(offer.defaultPrevented).toBe(true)
    button()!.click()
    await nextTick()
    expect(offer.prompt).toHaveBeenCalled()
    expect(button()).toBeUndefined()
    page.unmount()
  })

  it('is not offered to who has it', () => {
    const target = new EventTarget()
    const install = followInstall(target)
    target.dispatchEvent(new Event('beforeinstallprompt'))
    target.dispatchEvent(new Event('appinstalled'))
    expect(install.offered.value).toBe(false)
  })
})

describe('what is unsent', () => {
  it('is asked to be kept by the browser once there is no connection to send it by', async () => {
    const { store } = fakeStore()
    const persist = vi.fn(() => Promise.reject(new Error('no')))
    keepWhatIsUnsent(store, { persist } as unknown as StorageManager)
    store.$patch((state) => (state.unsent = 1))
    await nextTick()
    expect(persist).not.toHaveBeenCalled()
    for (const phase of ['offline', 'live', 'offline'] as const) {
      store.$patch((state) => (state.connection = { ...state.connection, phase }))
      await nextTick()
    }
    expect(persist).toHaveBeenCalledTimes(1)
  })
})
