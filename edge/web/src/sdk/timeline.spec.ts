// @vitest-environment node
import { describe, expect, it } from 'vitest'
import type { Command } from './command'
import { Fold } from './fold'
import type { CommandFrame, LogEvent } from './frames'
import { readersOf, stateOf, timelineOf } from './timeline'
import type { Message, OutgoingState, Timeline } from './types'

const ME = 'me'
const REFUSAL = { code: 'closed', message: '', field: null }

function fold(): Fold {
  const made = new Fold('talk', 0)
  const base = { type: 'event', conversation: 'talk', at: 't', actor: ME } as const
  const events: LogEvent[] = [
    { ...base, seq: 1, kind: 'created', subject: 'S', project: null, members: [ME, 'bob', 'eve'] },
    { ...base, seq: 2, kind: 'message', id: 'a', body: 'one' },
    { ...base, seq: 3, kind: 'message', id: 'b', body: 'two' },
    { ...base, seq: 4, kind: 'reaction', target: 3, emoji: '+', on: true, actor: 'bob' },
  ]
  for (const event of events) made.apply(event, ME)
  return made
}

function command(frame: Partial<CommandFrame> & { type: CommandFrame['type'] }, state: OutgoingState = 'queued'): Command {
  const full = { id: 'c', conversation: 'talk', seq: 3, body: 'x', emoji: '+', on: true, ...frame } as unknown as CommandFrame
  return { id: full.id, frame: full, madeAt: 7, state, refusal: state === 'refused' ? REFUSAL : null, seq: null, kept: true }
}

const shown = (commands: Command[] = [], from = fold()): Timeline =>
  timelineOf(from, { me: ME, commands, loading: false, trouble: null, stale: false })
const message = (timeline: Timeline, seq: number): Message => timeline.entries.find((one) => one.seq === seq) as Message

describe('a timeline', () => {
  it('shows own messages on their way behind the log', () => {
    const sent = command({ type: 'send', body: 'three', reply_to: 2, mentions: ['bob'] })
    expect(shown([sent, command({ type: 'send', id: 'd' }, 'refused')]).outgoing).toEqual([
      {
        kind: 'outgoing', id: 'c', body: 'three', replyTo: 2, mentions: ['bob'], files: [], madeAt: 7, state: 'queued', refusal: null,
        kept: true,
      },
      expect.objectContaining({ id: 'd', replyTo: null, mentions: [], state: 'refused', refusal: REFUSAL }),
    ])
  })

  it('shows an edit at once, and the old text with the reason where it is refused', () => {
    const change = { id: 'c', type: 'edit', body: 'better', state: 'queued', refusal: null }
    const edit = { type: 'edit', body: 'better' } as const
    expect(message(shown([command(edit)]), 3)).toMatchObject({ body: 'better', edited: true, change })
    expect(message(shown([command(edit, 'refused')]), 3)).toMatchObject({
      body: 'two', edited: false, change: { ...change, state: 'refused', refusal: REFUSAL },
    })
  })

  it('shows a deletion at once', () => {
    expect(message(shown([command({ type: 'delete' })]), 3)).toMatchObject({ body: null, change: { type: 'delete' } })
  })

  it('shows a reaction at once, put and taken, and none that was refused', () => {
    const of = (more: Partial<CommandFrame> & { type: 'react' }, state?: OutgoingState): unknown =>
      message(shown([command(more, state)]), 3).reactions
    expect(of({ type: 'react' })).toEqual([{ emoji: '+', accounts: ['bob', ME] }])
    expect(of({ type: 'react', emoji: '-' } as never)).toEqual([
      { emoji: '+', accounts: ['bob'] }, { emoji: '-', accounts: [ME] },
    ])
    expect(of({ type: 'react', on: false } as never)).toEqual([{ emoji: '+', accounts: ['bob'] }])
    expect(of({ type: 'react' }, 'refused')).toEqual([{ emoji: '+', accounts: ['bob'] }])
    const alone = message(shown([command({ type: 'react', seq: 2 } as never), command({ type: 'react', id: 'd', seq: 2, on: false } as never)]), 2)
    expect(alone.reactions).toEqual([])
  })

  it('leaves alone what is not there, or is no message', () => {
    const commands = [command({ type: 'delete', seq: 99 } as never), command({ type: 'delete', seq: 1 } as never)]
    expect(shown(commands).entries).toEqual(fold().entries)
  })

  it('says how far the others are, once all are', () => {
    const some = fold()
    some.receipt('bob', 2, 3)
    expect(shown([], some)).toMatchObject({ deliveredTo: 0, readTo: 0 })
    some.receipt('eve', 3, 3)
    some.receipt(ME, 4, 4)
    const timeline = shown([], some)
    expect(timeline).toMatchObject({ deliveredTo: 3, readTo: 2 })
    expect(stateOf(message(timeline, 2), timeline)).toBe('read')
    expect(stateOf(message(timeline, 3), timeline)).toBe('delivered')
    expect(readersOf(3, timeline)).toEqual(['eve', ME])
    some.members.clear()
    expect(shown([], some)).toMatchObject({ deliveredTo: 0, readTo: 0 })
    some.membersKnown = false
    expect(shown([], some)).toMatchObject({ deliveredTo: 3, readTo: 2 })
  })

  it('knows the state of what is not there yet', () => {
    const timeline = shown([command({ type: 'send' }), command({ type: 'edit', id: 'd' }, 'refused')])
    expect(stateOf(timeline.outgoing[0]!, timeline)).toBe('queued')
    expect(stateOf(message(timeline, 3), timeline)).toBe('refused')
    const stored = shown([command({ type: 'edit' }, 'sent')])
    expect(stateOf(message(stored, 3), stored)).toBe('sent')
  })
})
