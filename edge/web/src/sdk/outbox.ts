/**
 * Commands on their way: kept until the server has said yes or no, sent again under the same id. Pure.
 *
 * Of one conversation at most `pipeline` commands are unanswered at a time. With 1, as here, their order holds whatever
 * the server refuses. Times are the caller's monotonic milliseconds.
 */
import { fullJitter, type Random } from './backoff'
import type { CommandFrame } from './frames'
import type { CommandId, ConversationId } from './types'

/** The server promises an answer within 10 s; silence for longer counts as `unavailable`. */
export const ANSWER_MS = 15_000
/** Commands that wait at most. */
export const LIMIT = 10_000
/** The command may be stored or not: only the same id sent again tells. */
const UNKNOWN = new Set(['unavailable'])
/** This attempt is refused; earlier ones, if any, stay unknown. */
const NOT_NOW = new Set(['rate_limited', 'overloaded'])

/** The outbox holds as many unanswered commands as it may: wait for answers first. */
export class OutboxFull extends Error {}

interface Waiting {
  readonly frame: CommandFrame
  attempts: number
  sentAt: number | null
}

/** The commands of one conversation, in order; nothing is sent before `resumeAt`. */
interface Lane {
  readonly waiting: Waiting[]
  flying: number
  resumeAt: number
  /** The server said when to resume: another connection does not change that. */
  told: boolean
  failures: number
}

export interface Verdict {
  readonly code: string
  readonly retryAfter?: number | null
}

export class Outbox {
  private readonly lanes = new Map<ConversationId, Lane>()
  private readonly known = new Map<CommandId, Waiting>()
  private readonly random: Random
  private readonly pipeline: number
  private readonly limit: number

  constructor({ random = Math.random, pipeline = 1, limit = LIMIT }: { random?: Random; pipeline?: number; limit?: number } = {}) {
    this.random = random
    this.pipeline = pipeline
    this.limit = limit
  }

  get size(): number {
    return this.known.size
  }

  has(id: CommandId): boolean {
    return this.known.has(id)
  }

  /** Commands sent on the present connection and not yet answered. */
  get flying(): number {
    let sum = 0
    for (const lane of this.lanes.values()) sum += lane.flying
    return sum
  }

  /**
   * Queue a command, unless it is there. `before`: an earlier life of this page may have sent it, so that what became
   * of it is unknown. Raises OutboxFull.
   */
  add(frame: CommandFrame, before = false): void {
    if (this.known.has(frame.id)) return
    if (this.known.size >= this.limit) throw new OutboxFull()
    const one: Waiting = { frame, attempts: before ? 1 : 0, sentAt: null }
    this.known.set(frame.id, one)
    const lane = this.lanes.get(frame.conversation)
    if (lane !== undefined) lane.waiting.push(one)
    else this.lanes.set(frame.conversation, { waiting: [one], flying: 0, resumeAt: 0, told: false, failures: 0 })
  }

  /** Frames to send now, in order; each is taken as sent at `now`. */
  due(now: number): CommandFrame[] {
    const frames: CommandFrame[] = []
    for (const lane of this.lanes.values()) {
      this.forgetSilence(lane, now)
      // A refused command waits: nothing may overtake it until all that flies has landed.
      if (now < lane.resumeAt || (lane.failures > 0 && lane.flying > 0)) continue
      for (const one of lane.waiting) {
        if (lane.flying >= this.pipeline) break
        if (one.sentAt !== null) continue
        one.sentAt = now
        one.attempts += 1
        lane.flying += 1
        frames.push(one.frame)
      }
    }
    return frames
  }

  /** When `due` has something to say without anything else happening; null: never. */
  wake(now: number): number | null {
    let at: number | null = null
    for (const lane of this.lanes.values()) {
      const sent = lane.waiting.map((one) => one.sentAt).filter((when) => when !== null)
      const next = lane.flying > 0 ? Math.min(...sent) + ANSWER_MS : Math.max(now, lane.resumeAt)
      at = Math.min(at ?? next, next)
    }
    return at
  }

  /** The connection is gone: what flew is unknown and goes out again, in order, on the next one. */
  disconnected(): void {
    for (const lane of this.lanes.values()) {
      lane.flying = 0
      for (const one of lane.waiting) one.sentAt = null
      if (!lane.told) lane.resumeAt = lane.failures = 0
    }
  }

  /** The server stored it. False: the id is not (any more) ours. */
  acked(id: CommandId): boolean {
    return this.take(id)
  }

  /** Take it out, whatever became of it. */
  drop(id: CommandId): void {
    this.take(id)
  }

  /**
   * The server said no. True: for good, and the command is out; false while it stays. `disabled` ends a command whose
   * only attempt it was; after one that stayed unknown it is retried.
   */
  refused(id: CommandId, { code, retryAfter }: Verdict, now: number): boolean {
    const one = this.known.get(id)
    if (one === undefined) return false
    if (UNKNOWN.has(code) || NOT_NOW.has(code) || (code === 'disabled' && one.attempts > 1)) {
      this.retry(one, now, retryAfter ?? null)
      return false
    }
    return this.take(id)
  }

  private retry(one: Waiting, now: number, retryAfter: number | null): void {
    const lane = this.lanes.get(one.frame.conversation)!
    if (one.sentAt !== null) {
      one.sentAt = null
      lane.flying -= 1
    }
    const wait = retryAfter === null ? fullJitter(lane.failures, this.random) : retryAfter * 1000
    lane.failures += 1
    lane.told = retryAfter !== null
    lane.resumeAt = Math.max(lane.resumeAt, now + wait)
  }

  private forgetSilence(lane: Lane, now: number): void {
    for (const one of lane.waiting) {
      if (one.sentAt !== null && now - one.sentAt >= ANSWER_MS) this.retry(one, now, null)
    }
  }

  private take(id: CommandId): boolean {
    const one = this.known.get(id)
    if (one === undefined) return false
    this.known.delete(id)
    const { conversation } = one.frame
    const lane = this.lanes.get(conversation)!
    lane.waiting.splice(lane.waiting.indexOf(one), 1)
    if (one.sentAt !== null) lane.flying -= 1
    if (lane.flying === 0) {
      lane.failures = 0
      lane.told = false
    }
    if (lane.waiting.length === 0) this.lanes.delete(conversation)
    return true
  }
}
