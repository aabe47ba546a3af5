import { effectScope, nextTick, ref, type ShallowRef } from 'vue'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { settable } from '../../tests/store'
import { useLasting } from './lasting'
import { useMedia } from './media'
import { observed } from './observed'
import { followViewport } from './viewport'

afterEach(() => vi.useRealTimers())

describe('an observed value', () => {
  it('is drawn once a frame, whatever came meanwhile, and no more after the end', () => {
    vi.useFakeTimers()
    const source = settable(1)
    const scope = effectScope()
    const value = scope.run(() => observed(source)) as ShallowRef<number>
    source.set(2)
    source.set(3)
    expect(value.value).toBe(1)
    vi.advanceTimersByTime(50)
    expect(value.value).toBe(3)
    source.set(4)
    scope.stop()
    source.set(5)
    vi.advanceTimersByTime(500)
    expect(value.value).toBe(3)
  })

  it('is kept right in a hidden tab, where no frames come', () => {
    vi.useFakeTimers()
    vi.spyOn(document, 'hidden', 'get').mockReturnValue(true)
    const source = settable(1)
    const scope = effectScope()
    const value = scope.run(() => observed(source)) as ShallowRef<number>
    source.set(2)
    vi.advanceTimersByTime(100)
    expect(value.value).toBe(2)
    source.set(3)
    scope.stop()
    vi.advanceTimersByTime(100)
    expect(value.value).toBe(2)
  })
})

it('lasts what has been so for a while, without a break', async () => {
  vi.useFakeTimers()
  const is = ref(true)
  const scope = effectScope()
  const lasting = scope.run(() => useLasting(() => is.value, 100))!
  const say = async (now: boolean) => {
    is.value = now
    await nextTick()
  }
  vi.advanceTimersByTime(90)
  await say(false)
  await say(true)
  vi.advanceTimersByTime(90)
  expect(lasting.value).toBe(false)
  vi.advanceTimersByTime(20)
  expect(lasting.value).toBe(true)
  await say(false)
  expect(lasting.value).toBe(false)
  await say(true)
  scope.stop()
  vi.advanceTimersByTime(200)
  expect(lasting.value).toBe(false)
})

describe('the viewport', () => {
  it('is what the keyboard leaves, unless somebody zoomed', () => {
    const root = document.createElement('div')
    const viewport = Object.assign(new EventTarget(), { height: 800, offsetTop: 0, scale: 1 })
    const stop = followViewport(viewport as unknown as VisualViewport, root)
    expect(root.style.getPropertyValue('--viewport-height')).toBe('800px')
    Object.assign(viewport, { height: 360, offsetTop: 12 })
    viewport.dispatchEvent(new Event('resize'))
    expect(root.style.getPropertyValue('--viewport-height')).toBe('360px')
    expect(root.style.getPropertyValue('--viewport-top')).toBe('12px')
    Object.assign(viewport, { height: 100, scale: 2 })
    viewport.dispatchEvent(new Event('scroll'))
    expect(root.style.getPropertyValue('--viewport-height')).toBe('360px')
    stop()
    Object.assign(viewport, { scale: 1 })
    viewport.dispatchEvent(new Event('resize'))
    expect(root.style.getPropertyValue('--viewport-height')).toBe('360px')
    followViewport(null, root)()
  })
})

describe('a media query', () => {
  it('is followed as long as somebody asks', () => {
    const heard = new Set<() => void>()
    const list = { matches: true, addEventListener: (_: string, one: () => void) => heard.add(one), removeEventListener: (_: string, one: () => void) => heard.delete(one) }
    const asked = vi.spyOn(window, 'matchMedia').mockReturnValue(list as unknown as MediaQueryList)
    const scope = effectScope()
    const holds = scope.run(() => useMedia('(max-width: 1099px)'))!
    expect(holds.value).toBe(true)
    list.matches = false
    for (const one of heard) one()
    expect(holds.value).toBe(false)
    scope.stop()
    expect([heard.size, asked.mock.calls.length]).toEqual([0, 1])
    asked.mockRestore()
  })
})
