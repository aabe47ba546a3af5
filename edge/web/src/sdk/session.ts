/**
 * One connection, decided without a socket: what to write, what a frame means. Pure.
 *
 * The shell hands in each frame and the time; it gets effects back, writes what `due` returns, and looks again at
 * `wake` at the latest. Times are monotonic milliseconds. The same machine as bench/session.py.
 */
import type { Company } from './company'
import type {
  CaughtUpFrame, ClientFrame, ErrorFrame, HelloFrame, LogEvent, PresenceFrame, ReadyFrame, ReceiptFrame, ResyncFrame,
  ResyncReason, ServerFrame, TypingFrame,
} from './frames'
import type { Logs } from './log'
import type { Markers } from './markers'
import type { Outbox } from './outbox'
import type { AccountId, CommandId, ConversationId, Refusal } from './types'

export const HELLO_CURSORS = 500
export const PING_HEADS = 200
export const SYNC_EVENTS = 200
/** The server reads so many of a socket's syncs at a time; one is left for the ping that finds something missing. */
export const SYNCS = 7

/** What the protocol fixes, in milliseconds. */
export const TIMING = { pong: 8_000, sync: 8_000, ready: 10_000, replay: 30_000, settle: 1_000, heartbeat: 25_000 }
export type Timing = typeof TIMING

/** `greeting` → `live` → `draining` (the server goes) → `dead` (silent beyond its time). */
export type Phase = 'greeting' | 'live' | 'draining' | 'dead'

/** What became true, and what is to be done. */
export type Effect =
  | { readonly type: 'ready'; readonly frame: ReadyFrame }
  /** An event became visible: exactly once, in order of seq. `live`: said now, not while we were away. */
  | { readonly type: 'applied'; readonly event: LogEvent; readonly live: boolean }
  | { readonly type: 'caught_up'; readonly conversation: ConversationId }
  /** Read the conversation (null: all) over HTTP and restart its log; until then it holds all back. */
  | { readonly type: 'reload'; readonly conversation: ConversationId | null; readonly reason: ResyncReason }
  | { readonly type: 'left'; readonly conversation: ConversationId }
  | { readonly type: 'bye'; readonly reason: string; readonly reconnectAfter: number }
  | { readonly type: 'complaint'; readonly code: string; readonly message: string; readonly field: string | null }
  | { readonly type: 'acked'; readonly id: CommandId; readonly conversation: ConversationId; readonly seq: number }
  | { readonly type: 'refused'; readonly id: CommandId; readonly refusal: Refusal }
  | { readonly type: 'heard'; readonly frame: ReceiptFrame | TypingFrame | PresenceFrame }

export interface Parts {
  readonly logs: Logs
  readonly outbox: Outbox
  readonly markers: Markers
  readonly company: Company
}

export class Session {
  phase: Phase = 'greeting'
  account: AccountId | null = null
  private heartbeat: number
  private readonly parts: Parts
  private readonly timing: Timing
  private readonly wanted = new Set<ConversationId>()
  private readonly syncing = new Map<ConversationId, { at: number; from: number }>()
  private readonly notBefore = new Map<ConversationId, number>()
  private readonly replaying = new Map<ConversationId, number>()
  private pingAt: number
  private pongBy: number | null

  constructor(parts: Parts, now: number, timing: Timing = TIMING) {
    this.parts = parts
    this.timing = timing
    this.heartbeat = timing.heartbeat
    this.pingAt = this.pongBy = now + timing.ready
    parts.outbox.disconnected()
    parts.markers.disconnected()
    parts.company.disconnected()
  }

  /** All that the server had when we came is known, as far as anybody can tell. */
  get caughtUp(): boolean {
    return this.phase !== 'greeting' && this.replaying.size === 0 && this.missing.length === 0
  }

  /** Conversations of which something is known to be missing. */
  get missing(): ConversationId[] {
    return [...this.parts.logs]
      .filter((log) => log.member && (log.stale || log.gap !== null || this.replaying.has(log.conversation)))
      .map((log) => log.conversation)
  }

  /** The first frame. What does not fit among its cursors follows as `sync` once we are ready. */
  hello(token: string | null, client: string, now: number): HelloFrame {
    const cursors = this.parts.logs.cursors()
    const first = cursors.slice(0, HELLO_CURSORS)
    for (const [conversation] of first) this.replaying.set(conversation, now)
    for (const [conversation] of cursors.slice(HELLO_CURSORS)) this.wanted.add(conversation)
    const { epoch } = this.parts.logs
    return {
      type: 'hello',
      client,
      cursors: Object.fromEntries(first),
      ...(token === null ? {} : { token }),
      ...(epoch === null ? {} : { epoch }),
    }
  }

  /** What a frame of the server means. Unknown types mean nothing. */
  receive(frame: ServerFrame, now: number): Effect[] {
    switch (frame.type) {
      case 'event':
        return this.event(frame, now)
      case 'ack':
        if (!this.parts.outbox.acked(frame.id)) return []
        return [{ type: 'acked', id: frame.id, conversation: frame.conversation, seq: frame.seq }]
      case 'error':
        return this.error(frame, now)
      case 'ready':
        return this.ready(frame, now)
      case 'caught_up':
        return this.caught(frame, now)
      case 'resync':
        return this.resync(frame)
      case 'receipt':
        if (frame.account === this.account) {
          this.parts.markers.receipt(frame.conversation, frame.read, frame.delivered)
        }
        return [{ type: 'heard', frame }]
      case 'typing':
      case 'presence':
        return [{ type: 'heard', frame }]
      case 'pong':
        this.pongBy = null
        return []
      case 'bye':
        if (this.phase !== 'dead') this.phase = 'draining'
        return [{ type: 'bye', reason: frame.reason ?? '', reconnectAfter: frame.reconnect_after ?? 0 }]
      default:
        return []
    }
  }

  /** The shell has restarted this log from HTTP: ask for what came meanwhile. */
  reloaded(conversation: ConversationId): void {
    this.wanted.add(conversation)
  }

  /** Let the next `due` hold the heartbeat: the machine slept, or the network changed. */
  hurry(): void {
    this.pingAt = 0
  }

  /** Frames to write now; none when `phase` is dead, the server being silent beyond its time. */
  due(now: number): ClientFrame[] {
    if (this.pongBy !== null && now >= this.pongBy) this.phase = 'dead'
    if (this.phase !== 'live') return []
    const { outbox, markers, company } = this.parts
    const frames: ClientFrame[] = [...this.repairs(now), ...outbox.due(now), ...markers.due(now), ...company.due(now)]
    if (now >= this.pingAt) frames.push(this.ping(now))
    return frames
  }

  /** When `due` must be called again at the latest. */
  wake(now: number): number {
    const times: (number | null)[] = [this.pingAt, this.pongBy]
    if (this.phase === 'live') {
      for (const { at } of this.syncing.values()) times.push(at + this.timing.sync)
      // What waits for a free sync is asked for when one ends, which is a frame, or its own silence.
      if (this.syncing.size < SYNCS) for (const one of this.wanted) times.push(this.notBefore.get(one) ?? now)
      const { outbox, markers, company } = this.parts
      times.push(outbox.wake(now), markers.wake(now), company.wake(now))
    }
    return Math.min(...times.filter((at) => at !== null))
  }

  private event(event: LogEvent, now: number): Effect[] {
    const { conversation } = event
    const visible = this.parts.logs.take(event)
    const replayed = this.replaying.has(conversation)
    if (replayed) this.replaying.set(conversation, now)
    else if (visible.length === 0) this.suspect(conversation)
    const live = !replayed && !this.syncing.has(conversation)
    return visible.map((one): Effect => ({ type: 'applied', event: one, live }))
  }

  private error(frame: ErrorFrame, now: number): Effect[] {
    const { code, message = '' } = frame
    const field = frame.field ?? null
    if (frame.id === undefined || frame.id === null) return [{ type: 'complaint', code, message, field }]
    const verdict = { code, retryAfter: frame.retry_after ?? null }
    if (!this.parts.outbox.refused(frame.id, verdict, now)) return []
    return [{ type: 'refused', id: frame.id, refusal: { code, message, field } }]
  }

  private ready(frame: ReadyFrame, now: number): Effect[] {
    if (this.phase === 'greeting') this.phase = 'live'
    const { logs } = this.parts
    this.heartbeat = Math.min(this.timing.heartbeat, frame.heartbeat * 1000)
    this.pingAt = now + this.heartbeat
    this.pongBy = null
    this.account = frame.account.id
    const effects: Effect[] = [{ type: 'ready', frame }]
    if (logs.epoch === null || logs.cursors().length === 0) {
      logs.epoch = frame.epoch
    } else if (logs.epoch !== frame.epoch) {
      // The server doubts the cursors that it was told; those that were to follow we doubt ourselves.
      for (const conversation of this.wanted) {
        logs.get(conversation)?.doubt()
        effects.push({ type: 'reload', conversation, reason: 'epoch' })
      }
      this.wanted.clear()
    }
    for (const { id, head } of [...frame.conversations].reverse()) logs.open(id).told(head)
    return effects
  }

  private caught(frame: CaughtUpFrame, now: number): Effect[] {
    const { conversation } = frame
    const log = this.parts.logs.open(conversation)
    const asked = this.syncing.get(conversation)
    this.syncing.delete(conversation)
    this.replaying.delete(conversation)
    log.told(Math.max(frame.seq, frame.head ?? 0))
    if (log.gap === null) return [{ type: 'caught_up', conversation }]
    if (asked !== undefined && asked.from === log.cursor) this.notBefore.set(conversation, now + this.timing.settle)
    this.wanted.add(conversation)
    return []
  }

  private resync(frame: ResyncFrame): Effect[] {
    const { logs, markers } = this.parts
    const { reason, conversation } = frame
    const concerned = conversation === undefined ? [...logs].map((log) => log.conversation) : [conversation]
    for (const one of concerned) {
      this.replaying.delete(one)
      this.syncing.delete(one)
      this.wanted.delete(one)
      if (reason !== 'not_member') logs.open(one).doubt()
    }
    if (reason === 'not_member' && conversation !== undefined) {
      logs.open(conversation).member = false
      markers.forget(conversation)
      return [{ type: 'left', conversation }]
    }
    return [{ type: 'reload', conversation: conversation ?? null, reason }]
  }

  private suspect(conversation: ConversationId): void {
    if (!this.syncing.has(conversation) && this.parts.logs.open(conversation).gap !== null) {
      this.wanted.add(conversation)
    }
  }

  private repairs(now: number): ClientFrame[] {
    for (const [conversation, { at }] of [...this.syncing]) {
      if (now - at < this.timing.sync) continue
      this.syncing.delete(conversation)
      this.wanted.add(conversation)
    }
    const frames: ClientFrame[] = []
    for (const conversation of [...this.wanted]) {
      if ((this.notBefore.get(conversation) ?? now) > now) continue
      const log = this.parts.logs.get(conversation)
      const idle = log === undefined || log.stale || !log.member || this.syncing.has(conversation)
      if (!idle && this.syncing.size >= SYNCS) continue
      this.wanted.delete(conversation)
      this.notBefore.delete(conversation)
      if (idle) continue
      this.syncing.set(conversation, { at: now, from: log.cursor })
      frames.push({ type: 'sync', conversation, after: log.cursor, limit: SYNC_EVENTS })
    }
    return frames
  }

  private ping(now: number): ClientFrame {
    for (const [conversation, progress] of [...this.replaying]) {
      if (now - progress < this.timing.replay) continue
      this.replaying.delete(conversation)
      this.wanted.add(conversation)
    }
    this.pingAt = now + this.heartbeat
    this.pongBy ??= now + this.timing.pong
    const { logs } = this.parts
    const heads = logs.cursors().filter(([conversation]) => !logs.get(conversation)!.stale)
    return { type: 'ping', heads: Object.fromEntries(heads.slice(0, PING_HEADS)) }
  }
}
