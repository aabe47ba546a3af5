// @vitest-environment node
import { describe, expect, it } from 'vitest'
import type { LogEvent } from './frames'
import { Log, Logs } from './log'

const event = (seq: number, conversation = 'talk'): LogEvent => ({
  type: 'event', conversation, seq, kind: 'withheld', actor: 'bob', at: 't',
})
const seqs = (events: readonly LogEvent[]): number[] => events.map((one) => one.seq)

describe('a log', () => {
  it('holds only so many early events, the nearest', () => {
    const log = new Log('talk', 0, 2)
    for (const seq of [5, 4, 3, 9]) log.take(event(seq))
    log.take(event(1))
    expect(seqs(log.take(event(2)))).toEqual([2, 3, 4])
    expect(log.gap).toEqual({ after: 4, upto: 9 })
  })

  it('has no gap while it is in doubt', () => {
    const log = new Log('talk', 3)
    log.told(9)
    log.doubt()
    expect(log.gap).toBeNull()
  })

  it('shows each seq once and in order, whatever is lost, doubled and early', () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      let state = seed
      const random = (below: number): number => (state = (state * 48_271) % 2_147_483_647) % below
      const log = new Log('talk', 0)
      const seen: number[] = []
      for (let step = 0; step < 300; step += 1) seen.push(...seqs(log.take(event(1 + random(60)))))
      log.told(60)
      for (let gap = log.gap; gap !== null; gap = log.gap) {
        expect(gap.after).toBe(log.cursor)
        for (let seq = gap.after + 1; seq <= gap.upto; seq += 1) seen.push(...seqs(log.take(event(seq))))
      }
      expect(seen).toEqual(Array.from({ length: 60 }, (_, at) => at + 1))
    }
  })
})

describe('the logs of an account', () => {
  it('tell their cursors, the last active first, without those that were left', () => {
    const logs = new Logs('e')
    logs.recall('a', 1)
    logs.recall('b', 2)
    logs.recall('left', 3)
    logs.get('left')!.member = false
    logs.open('new')
    logs.take(event(2, 'a'))
    expect(logs.cursors()).toEqual([['a', 2], ['b', 2]])
    expect([...logs]).toHaveLength(4)
    logs.forget('a')
    expect(logs.get('a')).toBeUndefined()
  })

  it('know who hears an event for a member again', () => {
    const logs = new Logs()
    logs.recall('talk', 1)
    logs.get('talk')!.member = false
    logs.take(event(2))
    expect(logs.cursors()).toEqual([['talk', 2]])
  })
})
