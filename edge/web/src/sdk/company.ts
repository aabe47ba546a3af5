/**
 * Who else is there, and who types. Pure; nothing of it is kept.
 *
 * `Company` is what is said of it to the server: watches within the pace that it allows, typing not at every key.
 * `Typists` is what is heard of it.
 */
import type { ClientFrame } from './frames'
import type { AccountId, ConversationId } from './types'

/** Conversations that may be watched at a time. */
export const WATCHES = 20
/** Changes of watches: so many at a stroke, then one in `WATCH_MS`; the server refuses more. */
const WATCH_BURST = 20
const WATCH_MS = 500
/** Who types says so again after so long. */
export const TYPING_AGAIN_MS = 3_000
/** Who is not heard of again has ceased. */
export const TYPING_MS = 6_000

type Sitting = 'online' | 'away'

export class Company {
  private wanted: readonly ConversationId[] = []
  private readonly told = new Set<ConversationId>()
  private allowance = WATCH_BURST
  private countedAt = -Infinity
  private state: Sitting = 'online'
  private saidState: Sitting = 'online'
  private readonly typedAt = new Map<ConversationId, number>()
  private typing: ClientFrame[] = []

  /** These are on screen, the most important first; beyond `WATCHES` they are left out. */
  watch(conversations: readonly ConversationId[]): void {
    this.wanted = [...new Set(conversations)].slice(0, WATCHES)
  }

  /** Somebody sits here, or not. */
  be(state: Sitting): void {
    this.state = state
  }

  /** One types, or ceases; may be said at every key. */
  type(conversation: ConversationId, on: boolean, now: number): void {
    const last = this.typedAt.get(conversation)
    if (on) {
      if (last !== undefined && now - last < TYPING_AGAIN_MS) return
      this.typedAt.set(conversation, now)
    } else if (!this.typedAt.delete(conversation)) {
      return
    }
    this.typing.push({ type: 'typing', conversation, on })
  }

  /** One has said what one typed: the server ends it by itself. */
  said(conversation: ConversationId): void {
    this.typedAt.delete(conversation)
  }

  /** The next connection knows nothing: what lasts is said again, what is over is not. */
  disconnected(): void {
    this.told.clear()
    this.typedAt.clear()
    this.typing = []
    this.saidState = 'online'
    this.allowance = WATCH_BURST
    this.countedAt = -Infinity
  }

  /** Frames to send now. */
  due(now: number): ClientFrame[] {
    const frames = this.typing
    this.typing = []
    if (this.state !== this.saidState) {
      this.saidState = this.state
      frames.push({ type: 'presence', state: this.state })
    }
    for (const change of this.changes()) {
      if (!this.admit(now)) break
      if (change.type === 'watch') this.told.add(change.conversation)
      else this.told.delete(change.conversation)
      frames.push(change)
    }
    return frames
  }

  /** When `due` will have something; null: not by itself. */
  wake(now: number): number | null {
    if (this.typing.length > 0 || this.state !== this.saidState) return now
    if (this.changes().length === 0) return null
    return this.allowance >= 1 ? now : Math.max(now, this.countedAt + WATCH_MS)
  }

  private changes(): { type: 'watch' | 'unwatch'; conversation: ConversationId }[] {
    const over = [...this.told].filter((one) => !this.wanted.includes(one))
    const fresh = this.wanted.filter((one) => !this.told.has(one))
    return [
      ...over.map((conversation) => ({ type: 'unwatch' as const, conversation })),
      ...fresh.map((conversation) => ({ type: 'watch' as const, conversation })),
    ]
  }

  private admit(now: number): boolean {
    if (this.countedAt === -Infinity) this.countedAt = now
    const earned = Math.floor((now - this.countedAt) / WATCH_MS)
    if (this.allowance + earned >= WATCH_BURST) {
      this.allowance = WATCH_BURST
      this.countedAt = now
    } else {
      this.allowance += earned
      this.countedAt += earned * WATCH_MS
    }
    if (this.allowance < 1) return false
    this.allowance -= 1
    return true
  }
}

/** Who types where, as far as was heard. */
export class Typists {
  private readonly until = new Map<ConversationId, Map<AccountId, number>>()

  /** Somebody types, or ceased, or said what was typed. True when that changes who types. */
  heard(conversation: ConversationId, account: AccountId, on: boolean, now: number): boolean {
    const there = this.until.get(conversation)
    if (!on) {
      const ceased = there?.delete(account) ?? false
      if (there?.size === 0) this.until.delete(conversation)
      return ceased
    }
    const known = there?.has(account) ?? false
    if (there === undefined) this.until.set(conversation, new Map([[account, now + TYPING_MS]]))
    else there.set(account, now + TYPING_MS)
    return !known
  }

  /** Forget who was not heard of again. True when somebody was forgotten. */
  expire(now: number): boolean {
    let changed = false
    for (const [conversation, there] of this.until) {
      for (const [account, until] of there) {
        if (until <= now) changed = this.heard(conversation, account, false, now) || changed
      }
    }
    return changed
  }

  /** When the next one is to be forgotten; null: nobody types. */
  get wake(): number | null {
    let at: number | null = null
    for (const there of this.until.values()) for (const until of there.values()) at = Math.min(at ?? until, until)
    return at
  }

  /** By conversation, who began first first. */
  get all(): ReadonlyMap<ConversationId, readonly AccountId[]> {
    return new Map([...this.until].map(([conversation, there]) => [conversation, [...there.keys()]]))
  }
}
