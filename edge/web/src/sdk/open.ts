/** A conversation that somebody looks at: its timeline, and all that can be done in it. */
import type { Account } from './account'
import { ApiError } from './faults'
import type { CommandFrame, SendFrame } from './frames'
import { newId } from './ids'
import type { AccountId, CommandId, ConversationId, Observable, Timeline, Unsubscribe, UploadId } from './types'

/** Events that one request may bring. */
const PAGE = 100
const PAGE_MOST = 500

export interface SendOptions {
  /** The seq of the message that it answers. */
  readonly replyTo?: number | null
  /** Members whom it names. */
  readonly mentions?: readonly AccountId[]
  /** Files that go with it (`Parley.uploads`): it is sent as soon as all of them have arrived. */
  readonly uploads?: readonly UploadId[]
}

export class OpenConversation {
  readonly id: ConversationId
  /** What is shown of it. */
  readonly timeline: Observable<Timeline>
  /** Resolves when members, markers and the newest page are known, or when it is clear that they are not to be had. */
  readonly ready: Promise<void>
  private readonly account: Account
  private readonly release: Unsubscribe
  private loading: Promise<boolean> | null = null
  private closed = false

  constructor(account: Account, id: ConversationId) {
    this.account = account
    this.id = id
    this.timeline = account.model.timeline(id)
    this.release = account.hold(id)
    this.ready = this.begin()
  }

  /** Read a page of older history. False: the beginning is there already. A failure stands in `timeline.trouble`. */
  loadOlder(limit: number = PAGE): Promise<boolean> {
    this.loading ??= this.older(Math.min(limit, PAGE_MOST)).finally(() => {
      this.loading = null
    })
    return this.loading
  }

  /** Read back until `seq` is there. False: it could not be reached. */
  async loadTo(seq: number): Promise<boolean> {
    await this.ready
    const fold = this.account.model.fold(this.id)
    while (fold.floor >= seq) if (!(await this.loadOlder(PAGE_MOST))) return fold.floor < seq
    return true
  }

  /** Say something. It stands in `timeline.outgoing` at once, and goes out when it can. */
  send(body: string, { replyTo = null, mentions = [], uploads = [] }: SendOptions = {}): CommandId {
    const frame: SendFrame = {
      type: 'send',
      id: newId(),
      conversation: this.id,
      body,
      ...(replyTo === null ? {} : { reply_to: replyTo }),
      ...(mentions.length === 0 ? {} : { mentions: [...mentions] }),
    }
    return uploads.length === 0 ? this.command(frame) : this.account.attaching.send(frame, uploads)
  }

  /** Replace the text of an own message. */
  edit(seq: number, body: string): CommandId {
    return this.command({ type: 'edit', id: newId(), conversation: this.id, seq, body })
  }

  /** Take an own message back. */
  delete(seq: number): CommandId {
    return this.command({ type: 'delete', id: newId(), conversation: this.id, seq })
  }

  /** Put an emoji to a message, or take it away. */
  react(seq: number, emoji: string, on: boolean): CommandId {
    return this.command({ type: 'react', id: newId(), conversation: this.id, seq, emoji, on })
  }

  /** Try a refused command again. */
  retry(id: CommandId): void {
    this.account.retry(id)
  }

  /** Forget a refused command. */
  discard(id: CommandId): void {
    this.account.discard(id)
  }

  /** Everything up to `seq`, or all that is here, has been read. */
  markRead(seq?: number): void {
    const { cursor, read } = this.account.model.fold(this.id)
    const reached = Math.min(seq ?? cursor, cursor)
    if (reached > read) this.account.ask({ type: 'read', conversation: this.id, seq: reached })
  }

  /** One types, or ceases; may be said at every key. */
  typing(on: boolean): void {
    this.account.ask({ type: 'typing', conversation: this.id, on })
  }

  /** It is on screen no longer. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.release()
  }

  private command(frame: CommandFrame): CommandId {
    return this.account.command(frame)
  }

  private async begin(): Promise<void> {
    const { model } = this.account
    const fold = model.fold(this.id)
    try {
      await this.account.details(this.id)
    } catch (fault) {
      model.load(this.id, false, troubleOf(fault))
      return
    }
    if (fold.entries.length < PAGE / 2 && fold.floor > 0) await this.loadOlder()
    if (fold.cursor > 0) this.account.ask({ type: 'delivered', conversation: this.id, seq: fold.cursor })
  }

  private async older(limit: number): Promise<boolean> {
    const { model, parts } = this.account
    const { floor, base } = model.fold(this.id)
    if (floor === 0 && base !== null) return false
    model.load(this.id, true)
    try {
      const { items, next } = await parts.api.events(this.id, { before: floor + 1, limit })
      // Meanwhile it may have begun anew: then the page belongs to what was forgotten.
      if (model.fold(this.id).floor === floor) model.prepend(this.id, items, next === null)
      model.load(this.id, false)
      return true
    } catch (fault) {
      model.load(this.id, false, troubleOf(fault))
      return false
    }
  }
}

function troubleOf(fault: unknown): string {
  return fault instanceof ApiError ? fault.code : 'network'
}
