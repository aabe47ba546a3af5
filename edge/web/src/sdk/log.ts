/**
 * How far each conversation's log is known, and what is missing. Pure.
 *
 * A conversation's events are numbered 1, 2, 3, … without holes. A `Log` lets each seq through once and in order: what
 * it has seen it drops, what comes too early it holds back until the gap before it is repaired. What the events say is
 * the fold's affair.
 */
import type { LogEvent } from './frames'
import type { ConversationId } from './types'

/** Early events that one log holds; what is farther ahead is dropped and comes with the repair. */
export const HELD_EVENTS = 1_000

/** Events after `after` and up to `upto` exist and have not come. */
export interface Gap {
  readonly after: number
  readonly upto: number
}

export class Log {
  readonly conversation: ConversationId
  /** Where it began: what is at or below was never asked for. Null until the first event or head. */
  base: number | null
  cursor: number
  head: number
  member = true
  /** The cursor is worth nothing: everything is held until `restart`. */
  stale = false
  duplicates = 0
  private readonly held = new Map<number, LogEvent>()
  private readonly hold: number

  constructor(conversation: ConversationId, base: number | null = null, hold: number = HELD_EVENTS) {
    this.conversation = conversation
    this.hold = hold
    this.base = base
    this.cursor = this.head = base ?? 0
  }

  /** What is missing, or null. A stale log has no gap: it waits for its reload. */
  get gap(): Gap | null {
    if (this.stale || this.base === null || this.cursor >= this.head) return null
    let upto = this.head
    for (const seq of this.held.keys()) upto = Math.min(upto, seq - 1)
    return { after: this.cursor, upto }
  }

  /** Somebody who knows says that the log reaches `head` at least. */
  told(head: number): void {
    if (this.base === null) this.base = this.cursor = head
    this.head = Math.max(this.head, head)
  }

  /** An event as it comes; returns what became visible by it, in order of seq. */
  take(event: LogEvent): LogEvent[] {
    const { seq } = event
    this.member = true
    this.base ??= this.cursor = seq - 1
    if (this.stale || seq > this.cursor + 1) {
      this.keep(event)
      return []
    }
    if (seq <= this.cursor) {
      this.duplicates += 1
      return []
    }
    const visible: LogEvent[] = []
    for (let next: LogEvent | undefined = event; next !== undefined; next = this.held.get(this.cursor + 1)) {
      this.held.delete(next.seq)
      this.cursor = next.seq
      visible.push(next)
    }
    this.head = Math.max(this.head, this.cursor)
    return visible
  }

  /** Another epoch, or a pruned log: nothing counts before `restart`. */
  doubt(): void {
    this.stale = true
    this.held.clear()
  }

  /** Begin anew with a page read over HTTP, the newest events in order; returns what is visible behind it. */
  restart(items: readonly LogEvent[], head: number): LogEvent[] {
    const early = [...this.held.values()].sort((one, other) => one.seq - other.seq)
    this.held.clear()
    this.base = this.cursor = items.length > 0 ? items[0]!.seq - 1 : head
    this.head = Math.max(head, this.cursor)
    this.stale = false
    const visible: LogEvent[] = []
    for (const event of [...items, ...early]) {
      if (event.seq > this.cursor) visible.push(...this.take(event))
    }
    return visible
  }

  private keep(event: LogEvent): void {
    if (this.held.has(event.seq)) {
      this.duplicates += 1
      return
    }
    this.head = Math.max(this.head, event.seq)
    if (this.held.size >= this.hold) {
      const farthest = Math.max(...this.held.keys())
      if (event.seq > farthest) return
      this.held.delete(farthest)
    }
    this.held.set(event.seq, event)
  }
}

/** All logs of one account, the last active last; `epoch` is what their cursors are worth. */
export class Logs {
  epoch: string | null
  private coming: string | null = null
  private readonly logs = new Map<ConversationId, Log>()

  constructor(epoch: string | null = null) {
    this.epoch = epoch
  }

  get(conversation: ConversationId): Log | undefined {
    return this.logs.get(conversation)
  }

  /** The log of the conversation, a new one where none was. */
  open(conversation: ConversationId): Log {
    let log = this.logs.get(conversation)
    if (log === undefined) {
      log = new Log(conversation)
      this.logs.set(conversation, log)
    }
    return log
  }

  /** Go on from what is stored. */
  recall(conversation: ConversationId, cursor: number): void {
    this.logs.set(conversation, new Log(conversation, cursor))
  }

  forget(conversation: ConversationId): void {
    this.logs.delete(conversation)
  }

  /** A log in doubt began anew in this epoch, or (null) was forgotten: with the last one the cursors are worth it. */
  settle(epoch: string | null): void {
    this.coming = epoch ?? this.coming
    if (this.coming === null || [...this.logs.values()].some((log) => log.stale)) return
    this.epoch = this.coming
    this.coming = null
  }

  /** Hand the event to the log that it names, which is the last active now. */
  take(event: LogEvent): LogEvent[] {
    const log = this.open(event.conversation)
    this.logs.delete(log.conversation)
    this.logs.set(log.conversation, log)
    return log.take(event)
  }

  [Symbol.iterator](): IterableIterator<Log> {
    return this.logs.values()
  }

  /** Cursors by conversation, the last active first; without those that were left. */
  cursors(): [ConversationId, number][] {
    return [...this.logs.values()]
      .filter((log) => log.member && log.base !== null)
      .map((log): [ConversationId, number] => [log.conversation, log.cursor])
      .reverse()
  }
}
