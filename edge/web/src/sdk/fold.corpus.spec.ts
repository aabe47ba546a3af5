// @vitest-environment node
/** The corpus that every client's fold is held to: the same as of bench/fold.py (tests/fixtures/folds.py). */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { Fold } from './fold'
import type { LogEvent } from './frames'
import { Log } from './log'

interface Case {
  readonly name: string
  readonly base: number | null
  readonly keep: number
  readonly log: readonly LogEvent[]
  readonly steps: readonly Step[]
  readonly expect: Record<string, unknown>
}

interface Step {
  readonly apply?: number
  readonly told?: number
  readonly told_unread?: { head: number; read: number; unread: number }
  readonly marked_read?: number
  readonly receipt?: { account: string; read: number; delivered: number }
  readonly doubt?: null
  readonly restart?: { items: readonly number[]; head: number }
}

const ME = 'me'
const cases = JSON.parse(
  readFileSync(new URL('../../../../tests/fixtures/folds.json', import.meta.url), 'utf8'),
) as readonly Case[]

/** What log and fold together make of the case, in the form of `expect`. */
function played({ base, keep, log: events, steps }: Case): Record<string, unknown> {
  const log = new Log('talk', base)
  const fold = new Fold('talk', base, keep)
  const bySeq = new Map(events.map((event) => [event.seq, event]))
  const visible: number[] = []
  const show = (shown: readonly LogEvent[]): void => {
    for (const event of shown) {
      expect(fold.apply(event, ME)).toBe(true)
      visible.push(event.seq)
    }
    fold.told(log.head)
  }
  for (const step of steps) {
    if (step.apply !== undefined) show(log.take(bySeq.get(step.apply)!))
    if (step.told !== undefined) {
      log.told(step.told)
      fold.told(step.told)
    }
    if (step.told_unread !== undefined) {
      log.told(step.told_unread.head)
      fold.toldUnread(step.told_unread)
    }
    if (step.marked_read !== undefined) fold.markedRead(step.marked_read, ME)
    if (step.receipt !== undefined) fold.receipt(step.receipt.account, step.receipt.read, step.receipt.delivered)
    if (step.doubt !== undefined) log.doubt()
    if (step.restart !== undefined) {
      const page = step.restart.items.map((seq) => bySeq.get(seq)!)
      const shown = log.restart(page, step.restart.head)
      fold.restart(log.base!, step.restart.head)
      show(shown)
    }
  }
  const messages = fold.entries.filter((entry) => entry.kind === 'message')
  return {
    visible,
    cursor: fold.cursor,
    head: fold.head,
    gap: log.gap === null ? null : [log.gap.after, log.gap.upto],
    stale: log.stale,
    duplicates: log.duplicates,
    skipped: fold.skipped,
    read: fold.read,
    unread: fold.unread,
    subject: fold.subject,
    status: fold.status,
    members: [...fold.members].sort(),
    receipts: Object.fromEntries([...fold.marks].map(([account, { read, delivered }]) => [account, [read, delivered]])),
    messages: messages.map(({ seq, id, actor, body, replyTo, edited, reactions, attachments }) => ({
      seq,
      id,
      actor,
      body,
      reply_to: replyTo,
      edited,
      reactions: Object.fromEntries(reactions.map(({ emoji, accounts }) => [emoji, [...accounts].sort()])),
      attachments: attachments.map(({ name: _, type: __, size: ___, ...told }) => told),
    })),
  }
}

describe('the fold is what the corpus says', () => {
  it.each(cases.map((one) => [one.name, one] as const))('%s', (_, one) => {
    expect(played(one)).toEqual(one.expect)
  })
})
