import { afterEach, describe, expect, it, vi } from 'vitest'
import { browser } from './environment'

afterEach(() => void vi.restoreAllMocks())

function look(state: DocumentVisibilityState): void {
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(state)
  document.dispatchEvent(new Event('visibilitychange'))
}

describe('a browser', () => {
  it('says when it is worth trying at once', () => {
    const heard = vi.fn()
    const end = browser().onWake(heard)
    window.dispatchEvent(new Event('online'))
    look('visible')
    look('hidden')
    expect(heard).toHaveBeenCalledTimes(2)
    end()
    window.dispatchEvent(new Event('online'))
    expect(heard).toHaveBeenCalledTimes(2)
  })

  it('says when the page may be gone in a moment', () => {
    const heard = vi.fn()
    const end = browser().onLeave(heard)
    look('visible')
    look('hidden')
    window.dispatchEvent(new Event('pagehide'))
    expect(heard).toHaveBeenCalledTimes(2)
    end()
    window.dispatchEvent(new Event('pagehide'))
    expect(heard).toHaveBeenCalledTimes(2)
  })

  it('says in WebKit when the page is put aside, and when it is back', () => {
    const heard = vi.fn()
    browser().onSuspend(heard)
    const turn = (name: string, persisted: boolean) => window.dispatchEvent(Object.assign(new Event(name), { persisted }))
    turn('pagehide', true)
    expect(heard).not.toHaveBeenCalled()
    vi.spyOn(navigator, 'vendor', 'get').mockReturnValue('Apple Computer, Inc.')
    const end = browser().onSuspend(heard)
    turn('pagehide', false)
    turn('pageshow', false)
    turn('pagehide', true)
    turn('pageshow', true)
    end()
    turn('pagehide', true)
    expect(heard.mock.calls).toEqual([[true], [false]])
  })

  it('has clocks that go, and asks the page for the network', async () => {
    const { monotonic, now } = browser()
    expect(monotonic()).toBeGreaterThan(0)
    expect(now()).toBeGreaterThan(1_700_000_000_000)
    vi.stubGlobal('fetch', vi.fn(() => Promise.resolve('answer')))
    expect(await browser().fetch('http://host')).toBe('answer')
    vi.unstubAllGlobals()
  })

  it('of which little is there still does', () => {
    vi.stubGlobal('navigator', undefined)
    vi.stubGlobal('document', undefined)
    const { locks, onWake, onLeave, onSuspend } = browser()
    expect(locks).toBeUndefined()
    onWake(() => undefined)()
    onLeave(() => undefined)()
    onSuspend(() => undefined)()
    vi.unstubAllGlobals()
  })
})
