// @vitest-environment node
import { describe, expect, it } from 'vitest'
import { Company } from './company'
import type { CaughtUpFrame, HeadOf, HelloFrame, LogEvent, ReadyFrame, ServerFrame } from './frames'
import { Logs } from './log'
import { Markers } from './markers'
import { Outbox } from './outbox'
import { type Effect, Session, SYNCS } from './session'

const ME = 'me'

const event = (seq: number, conversation = 'talk'): LogEvent => ({
  type: 'event', conversation, seq, kind: 'withheld', actor: 'bob', at: 't',
})
const caughtUp = (seq: number, more: Partial<CaughtUpFrame> = {}): CaughtUpFrame => ({
  type: 'caught_up', conversation: 'talk', seq, ...more,
})
const ready = (epoch = 'e', conversations: HeadOf[] = []): ReadyFrame => ({
  type: 'ready', session: 's', account: { id: ME, name: 'Ada', role: 'client' }, epoch, time: 't', heartbeat: 25, conversations,
})

/** A session that knows one conversation up to 2. */
class World {
  readonly logs: Logs
  readonly outbox = new Outbox({ random: () => 0.5 })
  readonly markers = new Markers()
  readonly company = new Company()
  readonly session: Session
  readonly hello: HelloFrame

  constructor(cursors: Record<string, number> = { talk: 2 }, epoch: string | null = 'e') {
    this.logs = new Logs(epoch)
    for (const [conversation, cursor] of Object.entries(cursors)) this.logs.recall(conversation, cursor)
    this.session = new Session(this, 0)
    this.hello = this.session.hello('t', 'test/1', 0)
  }

  live(frame = ready()): this {
    this.hears(frame)
    for (const conversation of Object.keys(this.hello.cursors)) this.hears(caughtUp(0, { conversation }))
    return this
  }

  hears(frame: ServerFrame, now = 0): Effect[] {
    return this.session.receive(frame, now)
  }

  types(now: number): string[] {
    return this.session.due(now).map((frame) => frame.type)
  }
}

describe('the greeting', () => {
  it('carries token, epoch and cursors, each where there is one', () => {
    expect(new World().hello).toEqual({ type: 'hello', client: 'test/1', token: 't', epoch: 'e', cursors: { talk: 2 } })
    const fresh = new World({}, null)
    expect(fresh.hello).not.toHaveProperty('epoch')
    expect(fresh.session.hello(null, 'test/1', 0)).not.toHaveProperty('token')
  })

  it('is all that is said before ready, and silence ends it', () => {
    const { session, outbox } = new World()
    outbox.add({ type: 'send', id: '1', conversation: 'talk', body: 'x' })
    expect(session.due(1_000)).toEqual([])
    expect(session.wake(1_000)).toBe(10_000)
    expect(session.caughtUp).toBe(false)
    expect(session.due(10_000)).toEqual([])
    expect(session.phase).toBe('dead')
  })

  it('is followed by what does not fit, as syncs', () => {
    const world = new World(Object.fromEntries(Array.from({ length: 502 }, (_, n) => [`c${n}`, 1])))
    expect(Object.keys(world.hello.cursors)).toHaveLength(500)
    world.hears(ready())
    const asked = world.session.due(0).map((frame) => ('conversation' in frame ? frame.conversation : ''))
    expect(asked.sort()).toEqual(['c0', 'c1'])
  })

  it('puts in doubt, in another epoch, what it did not carry', () => {
    const world = new World(Object.fromEntries(Array.from({ length: 501 }, (_, n) => [`c${n}`, 1])))
    const effects = world.hears(ready('new'))
    expect(effects.slice(1)).toEqual([{ type: 'reload', conversation: 'c0', reason: 'epoch' }])
    expect(world.logs.get('c0')!.stale).toBe(true)
    expect(world.logs.get('c500')!.stale).toBe(false)
  })

  it('learns the epoch, and where logs stand that were never read', () => {
    const world = new World({}, null).live(ready('e7', [{ id: 'aside', head: 9, read: 4, unread: 5 }]))
    expect(world.logs.epoch).toBe('e7')
    expect(world.logs.get('aside')).toMatchObject({ cursor: 9, gap: null })
  })
})

describe('commands', () => {
  it('go out after ready, and are answered once', () => {
    const world = new World().live()
    world.outbox.add({ type: 'send', id: '1', conversation: 'talk', body: 'x' })
    expect(world.types(0)).toEqual(['send'])
    const ack = { type: 'ack', id: '1', conversation: 'talk', seq: 3, at: 't' } as const
    expect(world.hears(ack)).toEqual([{ type: 'acked', id: '1', conversation: 'talk', seq: 3 }])
    expect(world.hears(ack)).toEqual([])
  })

  it('are refused for good, or for now', () => {
    const world = new World().live()
    world.outbox.add({ type: 'send', id: '1', conversation: 'talk', body: 'x' })
    world.session.due(0)
    expect(world.hears({ type: 'error', id: '1', code: 'overloaded', retry_after: 1 })).toEqual([])
    world.session.due(1_000)
    const refusal = { code: 'invalid', message: 'No.', field: 'body' }
    expect(world.hears({ type: 'error', id: '1', ...refusal })).toEqual([{ type: 'refused', id: '1', refusal }])
    expect(world.hears({ type: 'error', id: '1', code: 'invalid' })).toEqual([])
    expect(world.hears({ type: 'error', code: 'unknown_type' })).toEqual([
      { type: 'complaint', code: 'unknown_type', message: '', field: null },
    ])
  })
})

describe('a gap', () => {
  it('is none while the replay runs', () => {
    const world = new World()
    world.hears(ready('e', [{ id: 'talk', head: 4, read: 0, unread: 0 }]))
    expect(world.session.missing).toEqual(['talk'])
    expect(world.hears(event(3))).toEqual([{ type: 'applied', event: event(3), live: false }])
    expect(world.session.due(0)).toEqual([])
    world.hears(event(4))
    expect(world.hears(caughtUp(4))).toEqual([{ type: 'caught_up', conversation: 'talk' }])
    expect(world.session.caughtUp).toBe(true)
    expect(world.hears(event(5))).toEqual([{ type: 'applied', event: event(5), live: true }])
  })

  it('of a replay that left something out is repaired', () => {
    const world = new World()
    world.hears(ready())
    expect(world.hears(caughtUp(4))).toEqual([])
    expect(world.session.due(0)).toEqual([{ type: 'sync', conversation: 'talk', after: 2, limit: 200 }])
  })

  it('is asked for once until the answer, and then from where that ended', () => {
    const world = new World().live()
    for (const seq of [5, 6]) expect(world.hears(event(seq))).toEqual([])
    expect(world.types(0)).toEqual(['sync'])
    world.hears(event(8))
    expect(world.types(0)).toEqual([])
    expect(world.hears(event(3))).toEqual([{ type: 'applied', event: event(3), live: false }])
    world.hears(caughtUp(3, { head: 8 }))
    expect(world.session.due(0)[0]).toMatchObject({ after: 3 })
  })

  it('is not asked for again at once where the answer brought nothing', () => {
    const world = new World().live()
    world.hears(event(5))
    world.session.due(0)
    world.hears(caughtUp(2, { head: 5 }))
    expect(world.types(500)).toEqual([])
    expect(world.session.wake(500)).toBe(1_000)
    expect(world.types(1_000)).toEqual(['sync'])
  })

  it('is asked for again where no answer comes', () => {
    const world = new World().live()
    world.hears(event(5))
    expect(world.types(0)).toEqual(['sync'])
    expect(world.session.wake(0)).toBe(8_000)
    expect(world.types(8_000)).toEqual(['sync'])
  })

  it('waits its turn: the server reads so many at a time', () => {
    const names = Array.from({ length: SYNCS + 1 }, (_, n) => `c${n}`)
    const world = new World(Object.fromEntries(names.map((name) => [name, 2]))).live()
    for (const name of names) world.hears(event(5, name))
    expect(world.types(0)).toHaveLength(SYNCS)
    expect(world.types(0)).toHaveLength(0)
    expect(world.session.wake(0)).toBe(8_000)
    world.hears(event(3, 'c0'))
    world.hears(event(4, 'c0'))
    world.hears(caughtUp(5, { conversation: 'c0' }))
    expect(world.types(0)).toEqual(['sync'])
  })

  it('is asked for after a reload, but not of what is in doubt, left or unknown', () => {
    const world = new World().live()
    world.session.reloaded('talk')
    expect(world.types(0)).toEqual(['sync'])
    world.hears(caughtUp(2))
    world.session.reloaded('talk')
    world.logs.get('talk')!.doubt()
    world.session.reloaded('nowhere')
    expect(world.types(0)).toEqual([])
    world.logs.get('talk')!.restart([], 2)
    world.logs.get('talk')!.member = false
    world.session.reloaded('talk')
    expect(world.types(0)).toEqual([])
  })
})

describe('a resync', () => {
  it('of one doubts that one, of all all', () => {
    const world = new World({ talk: 2, aside: 3 }).live()
    expect(world.hears({ type: 'resync', reason: 'cursor_ahead', conversation: 'talk' })).toEqual([
      { type: 'reload', conversation: 'talk', reason: 'cursor_ahead' },
    ])
    expect(world.session.missing).toEqual(['talk'])
    expect(world.hears({ type: 'resync', reason: 'epoch' })).toEqual([
      { type: 'reload', conversation: null, reason: 'epoch' },
    ])
    expect(world.session.missing).toEqual(['talk', 'aside'])
    world.session.due(25_000)
    expect(world.session.due(50_000)).toEqual([])
  })

  it('of who is no member forgets, and asks for nothing more', () => {
    const world = new World().live()
    world.markers.want('read', 'talk', 2)
    expect(world.hears({ type: 'resync', reason: 'not_member', conversation: 'talk' })).toEqual([
      { type: 'left', conversation: 'talk' },
    ])
    expect(world.session.due(0)).toEqual([])
    expect(world.logs.cursors()).toEqual([])
  })
})

describe('the heartbeat', () => {
  it('tells heads, and silence after it is death', () => {
    const world = new World().live()
    expect(world.types(24_999)).toEqual([])
    expect(world.session.due(25_000)).toEqual([{ type: 'ping', heads: { talk: 2 } }])
    expect(world.session.wake(25_000)).toBe(33_000)
    world.hears({ type: 'pong', time: 't' }, 26_000)
    expect(world.session.due(33_000)).toEqual([])
    expect(world.types(50_000)).toEqual(['ping'])
    world.session.due(58_000)
    expect(world.session.phase).toBe('dead')
    world.hears({ type: 'bye' })
    expect(world.session.phase).toBe('dead')
  })

  it('can be hurried, and leaves out what is in doubt', () => {
    const world = new World({ talk: 2, aside: 1 }).live()
    world.logs.get('aside')!.doubt()
    world.session.hurry()
    expect(world.session.due(1)).toEqual([{ type: 'ping', heads: { talk: 2 } }])
  })

  it('asks for what a replay still owes after half a minute', () => {
    const world = new World()
    world.hears(ready())
    world.hears({ type: 'pong', time: 't' })
    expect(world.types(25_000)).toEqual(['ping'])
    world.hears({ type: 'pong', time: 't' }, 25_000)
    expect(world.types(50_000)).toEqual(['ping'])
    expect(world.types(50_000)).toEqual(['sync'])
  })
})

describe('what else is heard', () => {
  it('is handed on, and one own receipt ends the marker', () => {
    const world = new World().live()
    world.markers.want('read', 'talk', 2)
    const frame = { type: 'receipt', conversation: 'talk', account: ME, read: 2, delivered: 2 } as const
    expect(world.hears(frame)).toEqual([{ type: 'heard', frame }])
    expect(world.types(0)).toEqual([])
    const typing = { type: 'typing', conversation: 'talk', account: 'bob', on: true } as const
    expect(world.hears(typing)).toEqual([{ type: 'heard', frame: typing }])
    const presence = { type: 'presence', account: 'bob', state: 'away' } as const
    expect(world.hears(presence)).toEqual([{ type: 'heard', frame: presence }])
    expect(world.hears({ type: 'receipt', conversation: 'talk', account: 'bob', read: 1, delivered: 1 })).toHaveLength(1)
  })

  it('ends with bye: nothing more is asked for', () => {
    const world = new World().live()
    expect(world.hears({ type: 'bye', reason: 'draining', reconnect_after: 2 })).toEqual([
      { type: 'bye', reason: 'draining', reconnectAfter: 2 },
    ])
    world.outbox.add({ type: 'send', id: '1', conversation: 'talk', body: 'x' })
    expect(world.session.due(0)).toEqual([])
    expect(world.session.phase).toBe('draining')
    expect(world.hears({ type: 'bye' })).toEqual([{ type: 'bye', reason: '', reconnectAfter: 0 }])
  })

  it('means nothing where this version does not know it', () => {
    expect(new World().live().hears({ type: 'weather' } as unknown as ServerFrame)).toEqual([])
  })
})
