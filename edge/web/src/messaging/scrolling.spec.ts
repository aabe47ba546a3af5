import { describe, expect, it } from 'vitest'
import { ME, message, messages, occurrence, outgoing, timeline } from '../../tests/timelines'
import { changeOf, isAtEnd, newBehind, seqAt, wantsOlder } from './scrolling'

describe('scrolling', () => {
  it('is at the end when no row is hidden below', () => {
    expect(isAtEnd(500, 400, 900)).toBe(true)
    expect(isAtEnd(480, 400, 900)).toBe(true)
    expect(isAtEnd(400, 400, 900)).toBe(false)
  })

  it('asks for older messages before the first is reached, once, and not again by itself after it failed', () => {
    const shown = timeline(messages(101, 300))
    expect(wantsOlder(shown, 10)).toBe(true)
    expect(wantsOlder(shown, 50)).toBe(false)
    expect(wantsOlder({ ...shown, loading: true }, 10)).toBe(false)
    expect(wantsOlder({ ...shown, trouble: 'network' }, 10)).toBe(false)
    expect(wantsOlder({ ...shown, floor: 0 }, 10)).toBe(false)
  })

  it('tells what came before from what came behind', () => {
    const before = timeline(messages(101, 200))
    expect(changeOf(before, timeline(messages(51, 200)))).toEqual({ prepended: 50, appended: 0, reset: false, said: false })
    expect(changeOf(before, timeline(messages(51, 203)))).toEqual({ prepended: 50, appended: 3, reset: false, said: false })
    expect(changeOf(before, before)).toEqual({ prepended: 0, appended: 0, reset: false, said: false })
    expect(changeOf(timeline([]), before)).toMatchObject({ appended: 100, reset: false })
    expect(changeOf(before, timeline(messages(500, 600)))).toMatchObject({ reset: true })
    expect(changeOf(before, timeline([]))).toMatchObject({ reset: true })
  })

  it('knows what one said oneself, and that its way into the log is nothing new', () => {
    const before = timeline(messages(1, 3))
    const said = timeline(messages(1, 3), { outgoing: [outgoing('o')] })
    expect(changeOf(before, said)).toMatchObject({ appended: 1, said: true })
    expect(changeOf(said, timeline([...messages(1, 3), message(4, { id: 'o', actor: ME })]))).toMatchObject({ appended: 0, said: false })
    expect(changeOf(timeline(messages(1, 3), { outgoing: [outgoing('o'), outgoing('p')] }), said)).toMatchObject({ appended: -1, said: false })
  })

  it('compares 100,000 messages as quickly as ten', () => {
    const entries = messages(1, 100_000)
    const before = timeline(entries)
    const after = timeline([...entries, message(100_001)])
    const began = performance.now()
    for (let turn = 0; turn < 1000; turn++) changeOf(before, after)
    expect(performance.now() - began).toBeLessThan(2000)
  })

  it('counts what is new below, of others, to 99', () => {
    const shown = timeline([...messages(1, 5), message(6, { actor: ME }), occurrence(7, 'renamed'), message(8, { body: null }), message(9)])
    expect(newBehind(shown, 4, ME)).toBe(2)
    expect(newBehind(shown, 9, ME)).toBe(0)
    expect(newBehind(timeline(messages(1, 300)), 0, ME)).toBe(99)
  })

  it('knows how far somebody has read who sees a row', () => {
    const shown = timeline([message(3), message(7)], { outgoing: [outgoing('o')] })
    expect([0, 1, 2].map((index) => seqAt(shown, index))).toEqual([3, 7, 7])
    expect(seqAt(timeline([]), 0)).toBe(0)
  })
})
