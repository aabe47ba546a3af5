import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, nextTick, ref, type EffectScope } from 'vue'
import { CONVERSATION } from '../../tests/timelines'
import { fronts, useFront } from './front'
import { judged, type Situation } from './judge'

const OTHER = '77b0e6d5-4c3b-4a29-9187-f6e5d4c3b2a1'
let scope: EffectScope

beforeEach(() => (scope = effectScope()))
afterEach(() => scope.stop())

/** Locks of one browser: as many as ask for them in shared mode hold one. */
function fakeLocks() {
  const held: { name: string }[] = []
  const locks = {
    request: async (name: string, _: object, work: () => Promise<void>) => {
      const lock = { name }
      held.push(lock)
      await work()
      held.splice(held.indexOf(lock), 1)
    },
    query: () => Promise.resolve({ held: [...held] }),
  }
  return locks as unknown as LockManager
}

describe('what is in front', () => {
  it('is known to every tab, and follows what is shown and who is there', async () => {
    const locks = fakeLocks()
    const shown = ref<string | null>(CONVERSATION)
    const focused = vi.spyOn(document, 'hasFocus').mockReturnValue(true)
    scope.run(() => useFront(() => shown.value, locks))
    expect(await fronts(locks)).toEqual(new Set([CONVERSATION]))
    shown.value = null
    await nextTick()
    expect(await fronts(locks)).toEqual(new Set(['']))
    focused.mockReturnValue(false)
    window.dispatchEvent(new Event('blur'))
    await flushPromises()
    expect(await fronts(locks)).toEqual(new Set())
  })

  it('is nothing once the tab is closed, and where a browser has no locks', async () => {
    const locks = fakeLocks()
    vi.spyOn(document, 'hasFocus').mockReturnValue(true)
    scope.run(() => useFront(() => CONVERSATION, locks))
    scope.stop()
    await flushPromises()
    expect(await fronts(locks)).toEqual(new Set())
    effectScope().run(() => useFront(() => CONVERSATION, undefined))
    expect(await fronts(undefined)).toEqual(new Set())
  })
})

describe('a message of somebody else', () => {
  const here: Situation = { shown: OTHER, visible: true, fronts: new Set([OTHER]), sound: true, desktop: true }
  const came = { conversation: CONVERSATION, live: true, primary: true }

  it.each([
    ['in another conversation is told in the page', here, { toast: true, sound: true, desktop: false }],
    ['in the one that is looked at is not told', { ...here, shown: CONVERSATION, fronts: new Set([CONVERSATION]) }, { toast: false, sound: false, desktop: false }],
    ['in one that another tab has in front does not ring', { ...here, visible: false, fronts: new Set([CONVERSATION]) }, { toast: false, sound: false, desktop: false }],
    ['while somebody is elsewhere is told on the desktop', { ...here, visible: false, fronts: new Set<string>() }, { toast: false, sound: true, desktop: true }],
    ['makes no noise and leaves no page unasked', { ...here, visible: false, fronts: new Set<string>(), sound: false, desktop: false }, { toast: false, sound: false, desktop: false }],
  ])('%s', (_, situation, told) => {
    expect(judged(came, situation)).toEqual(told)
  })

  it('rings in one tab', () => {
    expect(judged({ ...came, primary: false }, { ...here, fronts: new Set() })).toEqual({ toast: true, sound: false, desktop: false })
  })

  it('that came while nobody was connected is no news', () => {
    expect(judged({ ...came, live: false }, here)).toEqual({ toast: false, sound: false, desktop: false })
  })
})
