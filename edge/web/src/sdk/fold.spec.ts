// @vitest-environment node
import { describe, expect, it } from 'vitest'
import { Fold } from './fold'
import type { LogEvent, MessageEvent } from './frames'
import { REMEMBERED, Reactions } from './reactions'
import type { Message } from './types'

const ME = 'me'
const base = { type: 'event', conversation: 'talk', at: 't' } as const
const said = (seq: number, more: Partial<MessageEvent> = {}): MessageEvent => ({
  ...base, seq, actor: 'bob', kind: 'message', id: `id-${seq}`, body: `text ${seq}`, ...more,
})
const reacted = (seq: number, target: number, on = true, emoji = '+', actor = 'bob'): LogEvent => ({
  ...base, seq, actor, kind: 'reaction', target, emoji, on,
})
const deleted = (seq: number, target: number): LogEvent => ({ ...base, seq, actor: 'bob', kind: 'deleted', target })
const edited = (seq: number, target: number, body: string): LogEvent => ({
  ...base, seq, actor: 'bob', kind: 'edited', target, body,
})

function straight(events: readonly LogEvent[], from = 0): Fold {
  const fold = new Fold('talk', from)
  for (const event of events) fold.apply(event, ME)
  return fold
}

const message = (fold: Fold, seq: number): Message => fold.entries[fold.place(seq)!] as Message

describe('a fold', () => {
  it('takes the event behind its cursor and no other', () => {
    const fold = straight([said(1)])
    expect(fold.apply(said(1), ME)).toBe(false)
    expect(fold.apply(said(3), ME)).toBe(false)
    expect(fold.cursor).toBe(1)
    expect(fold.place(2)).toBeNull()
  })

  it('replaces a message that changes, and no other', () => {
    const fold = straight([said(1), said(2)])
    const [one, two] = fold.entries
    fold.apply(edited(3, 1, 'better'), ME)
    expect(fold.entries[0]).not.toBe(one)
    expect(fold.entries[0]).toEqual({ ...one, body: 'better', edited: true })
    expect(fold.entries[1]).toBe(two)
  })

  it('shows what comes deleted as deleted, and counts it as the server does until the event says so', () => {
    const fold = straight([said(1, { deleted_at: 't', body: '' }), said(2)])
    expect(message(fold, 1).body).toBeNull()
    expect(fold.unread).toBe(2)
    fold.apply(edited(3, 1, ''), ME)
    expect(message(fold, 1).body).toBeNull()
    fold.apply(deleted(4, 1), ME)
    expect(fold.unread).toBe(1)
    fold.apply(deleted(5, 1), ME)
    expect(fold.unread).toBe(1)
  })

  it('tells the last message that is not deleted, or what the list said while it has none', () => {
    const fold = straight([said(1), said(2)])
    expect(fold.lastMessage?.seq).toBe(2)
    fold.apply(deleted(3, 2), ME)
    expect(fold.lastMessage?.seq).toBe(1)
    fold.apply(deleted(4, 1), ME)
    expect(fold.lastMessage).toBeNull()
    const bare = new Fold('talk', 9)
    bare.listed = message(straight([said(1)]), 1)
    expect(bare.lastMessage?.seq).toBe(1)
  })

  it('joins older pages at its beginning: current texts stay, reactions of both sides count', () => {
    const log = [
      said(1, { body: 'now', edited_at: 't' }), said(2), edited(3, 1, 'before'), reacted(4, 2), reacted(5, 1, true, '-'),
      said(6), reacted(7, 2, false), reacted(8, 1), { ...base, seq: 9, actor: 'bob', kind: 'renamed', subject: 'S' },
    ] as const
    const fold = straight(log.slice(5), 5)
    fold.prepend(log.slice(2, 6), false) // what is known already comes again
    expect(fold.floor).toBe(2)
    fold.prepend(log.slice(0, 2), true)
    expect(fold.floor).toBe(0)
    expect(fold.entries.map((entry) => entry.seq)).toEqual([1, 2, 6, 9])
    expect(message(fold, 1)).toMatchObject({ body: 'now', edited: true })
    expect(message(fold, 1).reactions).toEqual([{ emoji: '+', accounts: ['bob'] }, { emoji: '-', accounts: ['bob'] }])
    expect(message(fold, 2).reactions).toEqual([])
    fold.prepend([], true)
    expect(fold.entries).toHaveLength(4)
  })

  it('lets go of the oldest when nobody reads back any more, and gets them again', () => {
    const fold = new Fold('talk', 0, Infinity)
    for (let seq = 1; seq <= 10; seq += 1) fold.apply(said(seq), ME)
    fold.apply(reacted(11, 2), ME)
    fold.keep = 3
    fold.trim()
    expect(fold.entries.map((entry) => entry.seq)).toEqual([8, 9, 10])
    expect(fold.floor).toBe(7)
    fold.keep = Infinity
    fold.prepend(Array.from({ length: 7 }, (_, at) => said(at + 1)), true)
    expect(message(fold, 2).reactions).toEqual([{ emoji: '+', accounts: ['bob'] }])
  })

  it('is stored with its newest entries, and goes on from there as if nothing had been', () => {
    const created: LogEvent = { ...base, seq: 1, actor: ME, kind: 'created', subject: 'S', project: 'p', members: [ME, 'bob'] }
    const log = [created, said(2), said(3), reacted(4, 2), said(5), deleted(6, 3), said(7)]
    for (let until = 1; until <= log.length; until += 1) {
      const stored = straight(log.slice(0, until)).stored(100)
      const fold = Fold.revive(structuredClone(stored))
      for (const event of log.slice(until)) fold.apply(event, ME)
      expect(fold.stored(100)).toEqual(straight(log).stored(100))
    }
    const part = straight(log).stored(2)
    expect(part).toMatchObject({ floor: 4, cursor: 7 })
    expect(part.entries.map((entry) => entry.seq)).toEqual([5, 7])
    expect(straight(log).stored(0)).toMatchObject({ floor: 7, entries: [] })
  })

  it('takes from another tab how much is read', () => {
    const fold = straight([said(1), said(2)])
    fold.stand({ id: 'talk', head: 2, read: 2, unread: 0, counted: 2, marks: [['bob', 1, 2]] })
    expect(fold).toMatchObject({ read: 2, unread: 0 })
    expect(fold.marks.get('bob')).toEqual({ read: 1, delivered: 2 })
    expect(fold.receipt('bob', 1, 1)).toBe(false)
    expect(fold.receipt('bob', 2, 2)).toBe(true)
  })
})

describe('reactions', () => {
  it('are the last word of each, in whatever order they come', () => {
    const reactions = new Reactions()
    expect(reactions.say(1, '+', 'bob', true, 5)).toBe(true)
    expect(reactions.say(1, '+', 'bob', false, 3)).toBe(false)
    expect(reactions.say(1, '+', 'bob', true, 6)).toBe(false)
    expect(reactions.say(1, '-', 'bob', false, 7)).toBe(false)
    expect(reactions.of(1)).toEqual([{ emoji: '+', accounts: ['bob'] }])
    reactions.say(1, '+', 'eve', true, 8)
    expect(reactions.of(1)).toEqual([{ emoji: '+', accounts: ['bob', 'eve'] }])
  })

  it('are remembered for so many messages, the newest', () => {
    const reactions = new Reactions()
    for (let target = REMEMBERED + 1; target >= 1; target -= 1) reactions.say(target, '+', 'bob', true, target)
    expect(reactions.of(1)).toEqual([])
    expect(reactions.of(REMEMBERED + 1)).not.toEqual([])
  })
})
