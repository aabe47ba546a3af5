import { describe, expect, it } from 'vitest'
import { ADAM, CLARA, ME, START, message, messages, occurrence, outgoing, timeline } from '../../tests/timelines'
import { actorOf, beginsDay, continues } from './grouping'
import { entryOf, indexOfSeq, isOutgoing, keyOf, lastOwn, rowAt, rowCount, timeOf } from './rows'
import { firstUnread, missingUnread } from './unread'

describe('rows', () => {
  const shown = timeline([occurrence(1, 'created'), message(2), message(5)], { outgoing: [outgoing('o1')] })

  it('are the entries, then what is on its way', () => {
    expect(rowCount(shown)).toBe(4)
    expect([0, 1, 2, 3].map((index) => keyOf(rowAt(shown, index)!))).toEqual(['s1', 'm2', 'm5', 'o1'])
    expect(rowAt(shown, 4)).toBeUndefined()
    expect(isOutgoing(rowAt(shown, 3)!)).toBe(true)
    expect(timeOf(rowAt(shown, 1)!)).toBe(START + 2000)
    expect(timeOf(rowAt(shown, 3)!)).toBe(START + 3_600_000)
  })

  it('are found by seq, also where a seq has no entry', () => {
    expect([0, 1, 2, 3, 5, 6].map((seq) => indexOfSeq(shown.entries, seq))).toEqual([0, 0, 1, 2, 2, 3])
    expect(entryOf(shown, 5)?.seq).toBe(5)
    expect(entryOf(shown, 3)).toBeUndefined()
    expect(entryOf(shown, 9)).toBeUndefined()
  })

  it('know what one said last, also while it is on its way', () => {
    const change = { id: 'x', type: 'edit', body: 'b', state: 'queued', refusal: null } as const
    const own = { actor: ME }
    expect(lastOwn(timeline([message(1, own), message(2, { ...own, body: null }), message(4), occurrence(5, 'renamed', own)]), ME)).toMatchObject({ seq: 1 })
    expect(lastOwn(timeline([message(1, own), message(3, { ...own, change })]), ME)).toMatchObject({ seq: 3 })
    const said = timeline([message(1, own)], { outgoing: [outgoing('o', { state: 'sent' }), outgoing('p', { state: 'refused' })] })
    expect(lastOwn(said, ME)?.id).toBe('o')
    expect(lastOwn(timeline([message(1, own), ...messages(2, 300)]), ME)).toBeUndefined()
  })
})

describe('grouping', () => {
  const first = message(10)
  const after = (minutes: number, more = {}) => message(11, { at: new Date(START + 10_000 + minutes * 60_000).toISOString(), ...more })

  it('puts messages of one author within five minutes under one header', () => {
    expect(continues(first, after(1), ME)).toBe(true)
    expect(continues(first, after(4.99), ME)).toBe(true)
    expect(continues(first, after(5), ME)).toBe(false)
    expect(continues(first, after(-10), ME)).toBe(true)
  })

  it('begins anew with another author, an answer, a day, or after another line', () => {
    expect(continues(undefined, first, ME)).toBe(false)
    expect(continues(first, after(1, { actor: ADAM }), ME)).toBe(false)
    expect(continues(first, after(1, { replyTo: 3 }), ME)).toBe(false)
    expect(continues(occurrence(9, 'renamed'), first, ME)).toBe(false)
    expect(continues(first, occurrence(11, 'renamed'), ME)).toBe(false)
    const midnight = new Date(2026, 10, 24).getTime()
    const at = (time: number, seq: number) => message(seq, { at: new Date(time).toISOString() })
    expect(continues(at(midnight - 1000, 1), at(midnight + 1000, 2), ME)).toBe(false)
    expect(beginsDay(at(midnight - 1000, 1), at(midnight + 1000, 2))).toBe(true)
    expect(beginsDay(undefined, first)).toBe(true)
  })

  it('knows that what is on its way is one’s own', () => {
    const mine = message(12, { actor: ME, at: new Date(START + 3_600_000).toISOString() })
    expect(continues(mine, outgoing('a'), ME)).toBe(true)
    expect(continues(first, outgoing('a', { madeAt: START + 11_000 }), ME)).toBe(false)
    expect(actorOf(outgoing('a'), ME)).toBe(ME)
    expect(actorOf(first, ME)).toBe(CLARA)
  })
})

describe('unread', () => {
  it('begins with the first message of others behind the marker that is still there', () => {
    const shown = timeline([...messages(1, 5), message(6, { actor: ME }), occurrence(7, 'renamed'), message(8, { body: null }), message(9), message(10)])
    expect(firstUnread(shown, 5, ME)).toBe(9)
    expect(firstUnread(shown, 10, ME)).toBeNull()
    expect(firstUnread(timeline(messages(50, 60)), 5, ME)).toBeNull()
  })

  it('is loaded before the conversation is shown, unless it is too far away', () => {
    const shown = timeline(messages(400, 500))
    expect(missingUnread({ ...shown, read: 100, unread: 100 })).toBe(101)
    expect(missingUnread({ ...shown, read: 100, unread: 0 })).toBeNull()
    expect(missingUnread({ ...shown, read: 450, unread: 50 })).toBeNull()
    expect(missingUnread({ ...shown, head: 5000, read: 100, unread: 100 })).toBeNull()
  })
})
