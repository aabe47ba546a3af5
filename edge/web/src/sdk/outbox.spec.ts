// @vitest-environment node
import { describe, expect, it } from 'vitest'
import type { CommandFrame } from './frames'
import { ANSWER_MS, Outbox, OutboxFull } from './outbox'

const frame = (id: string, conversation = 'talk'): CommandFrame => ({ type: 'send', id, conversation, body: id })
const ids = (frames: readonly CommandFrame[]): string[] => frames.map((one) => one.id)

function filled(...names: string[]): Outbox {
  const outbox = new Outbox({ random: () => 0.5 })
  for (const name of names) outbox.add(frame(name))
  return outbox
}

describe('the outbox', () => {
  it('has one command of a conversation under way at a time, in order', () => {
    const outbox = filled('a', 'b')
    outbox.add(frame('x', 'aside'))
    expect(ids(outbox.due(0))).toEqual(['a', 'x'])
    expect(outbox.flying).toBe(2)
    expect(outbox.acked('a')).toBe(true)
    expect(outbox.acked('a')).toBe(false)
    expect(ids(outbox.due(0))).toEqual(['b'])
  })

  it('sends more at a time where it may, in order', () => {
    const outbox = new Outbox({ pipeline: 2 })
    for (const name of ['a', 'b', 'c']) outbox.add(frame(name))
    expect(ids(outbox.due(0))).toEqual(['a', 'b'])
  })

  it('sends all that is unanswered again on the next connection, in order and under the same ids', () => {
    const outbox = new Outbox({ pipeline: 3 })
    for (const name of ['a', 'b', 'c']) outbox.add(frame(name))
    const first = outbox.due(0)
    outbox.acked('b')
    outbox.disconnected()
    expect(outbox.flying).toBe(0)
    expect(outbox.due(1)).toEqual([first[0], first[2]])
  })

  it('does not queue an id twice, and holds only so many', () => {
    const outbox = new Outbox({ limit: 1 })
    outbox.add(frame('a'))
    outbox.add(frame('a'))
    expect(outbox.size).toBe(1)
    expect(outbox.has('a')).toBe(true)
    expect(() => outbox.add(frame('b'))).toThrow(OutboxFull)
  })

  it.each(['rate_limited', 'overloaded', 'unavailable'])(
    'waits as long as %s says, and lets nothing overtake',
    (code) => {
      const outbox = filled('a', 'b')
      outbox.due(0)
      expect(outbox.refused('a', { code, retryAfter: 2 }, 1_000)).toBe(false)
      expect(outbox.due(2_999)).toEqual([])
      expect(outbox.wake(2_999)).toBe(3_000)
      outbox.disconnected() // what the server said holds for the next connection, too
      expect(outbox.due(2_999)).toEqual([])
      expect(ids(outbox.due(3_000))).toEqual(['a'])
    },
  )

  it('waits longer each time where nobody says how long, and forgets that with an answer', () => {
    const outbox = filled('a', 'b')
    const waits = []
    let now = 0
    for (let time = 0; time < 3; time += 1) {
      outbox.due(now)
      outbox.refused('a', { code: 'unavailable' }, now)
      waits.push(outbox.wake(now)! - now)
      now = outbox.wake(now)!
    }
    expect(waits).toEqual([250, 500, 1_000])
    outbox.due(now)
    outbox.acked('a')
    expect(ids(outbox.due(now))).toEqual(['b'])
  })

  it('takes silence as not known, and asks again', () => {
    const outbox = filled('a')
    outbox.due(0)
    expect(outbox.wake(0)).toBe(ANSWER_MS)
    expect(outbox.due(ANSWER_MS)).toEqual([])
    expect(ids(outbox.due(ANSWER_MS + 250))).toEqual(['a'])
  })

  it('lets a refused one wait until all that flies has landed', () => {
    const outbox = new Outbox({ pipeline: 2, random: () => 0 })
    for (const name of ['a', 'b']) outbox.add(frame(name))
    outbox.due(0)
    outbox.refused('a', { code: 'overloaded' }, 0)
    expect(outbox.due(0)).toEqual([])
    outbox.acked('b')
    expect(ids(outbox.due(0))).toEqual(['a'])
  })

  it.each(['invalid', 'forbidden', 'not_found', 'closed', 'id_conflict'])('ends a command that is %s', (code) => {
    const outbox = filled('a')
    outbox.due(0)
    expect(outbox.refused('a', { code }, 0)).toBe(true)
    expect(outbox.size).toBe(0)
    expect(outbox.wake(0)).toBeNull()
    expect(outbox.refused('a', { code }, 0)).toBe(false)
  })

  it('ends what is disabled at its only attempt, and retries where an earlier one may have been stored', () => {
    const outbox = filled('a')
    outbox.due(0)
    expect(outbox.refused('a', { code: 'disabled', retryAfter: 30 }, 0)).toBe(true)
    outbox.add(frame('b'), true)
    outbox.due(40_000)
    expect(outbox.refused('b', { code: 'disabled', retryAfter: 30 }, 40_000)).toBe(false)
    expect(ids(outbox.due(70_000))).toEqual(['b'])
  })

  it('drops what is not wanted any more', () => {
    const outbox = filled('a', 'b')
    outbox.drop('a')
    outbox.drop('unknown')
    expect(ids(outbox.due(0))).toEqual(['b'])
  })

  it('loses nothing and lets nothing overtake, whatever happens', () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      let state = seed
      const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
      const outbox = new Outbox({ random })
      const stored: string[] = []
      let flying: string[] = []
      let now = 0
      for (let n = 0; n < 20; n += 1) outbox.add(frame(`${n}`))
      for (let step = 0; step < 2_000 && outbox.size > 0; step += 1) {
        now += random() * 5_000
        flying.push(...ids(outbox.due(now)))
        const id = flying[0]
        if (id === undefined) continue
        const chance = random()
        if (chance < 0.5) {
          // It is stored, and the ack may be lost.
          if (!stored.includes(id)) stored.push(id)
          if (chance < 0.4) outbox.acked(id)
        } else if (chance < 0.7) outbox.refused(id, { code: 'unavailable' }, now)
        else if (chance < 0.8) outbox.disconnected()
        flying = []
      }
      expect(stored).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`))
    }
  })
})
