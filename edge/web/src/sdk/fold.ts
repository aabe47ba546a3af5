/**
 * A conversation as its log tells it: events become messages that change. Pure.
 *
 * A fold holds a part of the log without holes, from `floor + 1` to `cursor`. Events join it at its end, each once and
 * in order (`Log` sees to that); pages of older history at its beginning. Kinds that it does not know change nothing
 * but count in the cursor. The rules are those of bench/fold.py: tests/fixtures/folds.json holds both to them.
 */
import { NO_ATTACHMENTS, Verdicts, withAttachments } from './attachments'
import { entryOf, messageOf } from './entry'
import type { FileScannedEvent, HeadOf, LogEvent, MessageEvent } from './frames'
import { Reactions, type StoredWord } from './reactions'
import type { AccountId, ConversationId, Entry, Marks, Message, ProjectId, Status } from './types'

/** Messages that a fold keeps while nobody has it open. */
export const KEPT_MESSAGES = 200

/** A fold as it is stored, and as one tab tells it another. */
export interface StoredFold {
  readonly id: ConversationId
  readonly floor: number
  readonly cursor: number
  readonly head: number
  readonly read: number
  readonly unread: number
  /** Up to here `unread` was counted by the server. */
  readonly counted: number
  readonly subject: string
  readonly status: Status
  readonly project: ProjectId | null
  readonly activeAt: string
  readonly listed: Message | null
  readonly members: readonly AccountId[] | null
  readonly marks: readonly (readonly [AccountId, number, number])[]
  readonly entries: readonly Entry[]
  readonly reactions: readonly StoredWord[]
}

/** How much of a conversation is read. */
export type Standing = Pick<StoredFold, 'id' | 'head' | 'read' | 'unread' | 'counted' | 'marks'>

export class Fold {
  readonly conversation: ConversationId
  /** Messages to keep; more are loaded where somebody reads back. */
  keep: number
  /** Null until the first event or head says where the log stands. */
  base: number | null
  floor: number
  cursor: number
  head: number
  read = 0
  unread = 0
  subject = ''
  status: Status = 'open'
  project: ProjectId | null = null
  activeAt = ''
  /** The last message as the server's list says: what is shown while the fold itself has none. */
  listed: Message | null = null
  readonly members = new Set<AccountId>()
  /** `members` are all of them. */
  membersKnown = false
  readonly marks = new Map<AccountId, Marks>()
  entries: Entry[] = []
  skipped = 0
  private counted: number
  private messages = 0
  private readonly reactions = new Reactions()
  private readonly verdicts = new Verdicts()
  /** Messages that came deleted, before the event that says so: until then they count as the server counts them. */
  private readonly condemned = new Set<number>()

  constructor(conversation: ConversationId, base: number | null = null, keep: number = KEPT_MESSAGES) {
    this.conversation = conversation
    this.keep = keep
    this.base = base
    this.floor = this.cursor = this.head = this.counted = base ?? 0
  }

  /** Somebody who knows says that the log reaches `head` at least. */
  told(head: number): void {
    if (this.base === null) this.base = this.floor = this.cursor = this.counted = head
    this.head = Math.max(this.head, head)
  }

  /** The server counted: `unread` messages between the marker `read` and `head`. */
  toldUnread({ head, read, unread }: Omit<HeadOf, 'id'>): void {
    this.told(head)
    this.read = read
    this.unread = unread
    this.counted = head
  }

  /**
   * The account's own marker moved; the greatest wins. What is left unread is counted where all behind the marker is
   * known, else at most what it can be: the server counts exactly, at each `ready` and over HTTP.
   */
  markedRead(seq: number, me: AccountId | null): void {
    if (seq <= this.read) return
    this.read = seq
    if (this.base !== null && this.floor <= seq && this.counted <= this.cursor) {
      this.unread = 0
      for (let at = this.entries.length - 1; at >= 0 && this.entries[at]!.seq > seq; at -= 1) {
        if (this.isUnread(this.entries[at]!, me)) this.unread += 1
      }
    } else {
      this.unread = Math.min(this.unread, Math.max(0, this.head - seq))
    }
  }

  /** Somebody has read, and was handed, so far; the greatest wins. True when that is news. */
  receipt(account: AccountId, read: number, delivered: number): boolean {
    const known = this.marks.get(account) ?? { read: 0, delivered: 0 }
    if (read <= known.read && delivered <= known.delivered && this.marks.has(account)) return false
    this.marks.set(account, { read: Math.max(known.read, read), delivered: Math.max(known.delivered, delivered) })
    return true
  }

  /** Take the event behind `cursor`. False: it is not that one, and nothing changed. */
  apply(event: LogEvent, me: AccountId | null): boolean {
    if (this.base === null) this.base = this.floor = this.cursor = this.counted = event.seq - 1
    if (event.seq !== this.cursor + 1) return false
    this.cursor = event.seq
    this.head = Math.max(this.head, event.seq)
    this.activeAt = event.at
    switch (event.kind) {
      case 'message':
        this.say(event, me)
        break
      case 'edited':
      case 'restored':
        this.change(event.target, event.seq, me, (message) => ({
          ...message,
          body: this.condemned.has(event.target) ? null : event.body,
          edited: message.edited || event.kind === 'edited',
        }))
        break
      case 'deleted':
      case 'hidden':
        this.takeBack(event.target, event.seq, me)
        break
      case 'erased':
        for (const entry of [...this.entries]) {
          if (entry.kind === 'message' && entry.actor === event.account) {
            this.takeBack(entry.seq, event.seq, me)
          }
        }
        break
      case 'reaction':
        if (this.reactions.say(event.target, event.emoji, event.actor, event.on, event.seq)) this.redraw(event.target)
        break
      case 'file_scanned':
        this.judge(event)
        break
      default:
        this.occur(event)
    }
    return true
  }

  /** Older history: a page that ends at `floor`, in order of seq; `beginning`: nothing is before it. */
  prepend(page: readonly LogEvent[], beginning: boolean): void {
    const older = page.filter((event) => event.seq <= this.floor)
    for (const event of older) {
      if (event.kind === 'reaction') {
        this.reactions.say(event.target, event.emoji, event.actor, event.on, event.seq)
      } else if (event.kind === 'file_scanned') this.judge(event)
    }
    const entries = older.map(entryOf).filter((entry) => entry !== null)
    const drawn = entries.map((entry) => (entry.kind === 'message' ? this.dressed(entry) : entry))
    this.messages += drawn.filter((entry) => entry.kind === 'message').length
    this.entries = [...drawn, ...this.entries]
    if (older.length > 0) this.floor = older[0]!.seq - 1
    if (beginning) this.floor = 0
  }

  /** Begin anew: what was known counts no more. The events from `base` on follow by `apply`. */
  restart(base: number, head: number): void {
    this.base = this.floor = this.cursor = this.counted = base
    this.head = Math.max(head, base)
    this.read = Math.min(this.read, this.head)
    this.unread = this.skipped = this.messages = 0
    this.entries = []
    this.reactions.clear()
    this.verdicts.clear()
    this.condemned.clear()
    this.members.clear()
    this.membersKnown = false
    this.listed = null
  }

  /** All who are in it, as of a head that is not behind the cursor. */
  toldMembers(all: readonly AccountId[]): void {
    this.members.clear()
    for (const one of all) this.members.add(one)
    this.membersKnown = true
  }

  /** The last message that is not deleted. */
  get lastMessage(): Message | null {
    for (let at = this.entries.length - 1; at >= 0; at -= 1) {
      const entry = this.entries[at]!
      if (entry.kind === 'message' && entry.body !== null) return entry
    }
    return this.floor > 0 ? this.listed : null
  }

  /** Where in `entries` the seq stands, or null. */
  place(seq: number): number | null {
    let low = 0
    let high = this.entries.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.entries[middle]!.seq < seq) low = middle + 1
      else high = middle
    }
    return this.entries[low]?.seq === seq ? low : null
  }

  /** Let go of the oldest messages beyond `keep`. */
  trim(): void {
    let at = 0
    while (this.messages > this.keep) {
      const entry = this.entries[at]!
      at += 1
      if (entry.kind !== 'message') continue
      this.messages -= 1
      this.condemned.delete(entry.seq)
      this.floor = entry.seq
    }
    if (at > 0) this.entries.splice(0, at)
  }

  /** As it is stored, with its newest `limit` entries. */
  stored(limit: number): StoredFold {
    const entries = this.entries.slice(Math.max(0, this.entries.length - limit))
    const whole = entries.length === this.entries.length
    return {
      id: this.conversation,
      floor: whole ? this.floor : (entries[0]?.seq ?? this.cursor + 1) - 1,
      cursor: this.cursor,
      head: this.head,
      read: this.read,
      unread: this.unread,
      counted: this.counted,
      subject: this.subject,
      status: this.status,
      project: this.project,
      activeAt: this.activeAt,
      listed: this.lastMessage,
      members: this.membersKnown ? [...this.members] : null,
      marks: [...this.marks].map(([account, { read, delivered }]) => [account, read, delivered] as const),
      entries,
      reactions: [...this.reactions],
    }
  }

  /** A fold as it was stored. */
  static revive(from: StoredFold, keep: number = KEPT_MESSAGES): Fold {
    const fold = new Fold(from.id, from.cursor, keep)
    fold.recall(from)
    return fold
  }

  /** Become what was stored: another tab knows more. */
  recall(from: StoredFold): void {
    this.restart(from.cursor, from.head)
    this.floor = from.floor
    this.stand(from)
    this.subject = from.subject
    this.status = from.status
    this.project = from.project
    this.activeAt = from.activeAt
    this.listed = from.listed === null ? null : withAttachments(from.listed)
    this.membersKnown = from.members !== null
    for (const member of from.members ?? []) this.members.add(member)
    for (const word of from.reactions) this.reactions.say(...word)
    this.entries = from.entries.map((entry) => (entry.kind === 'message' ? withAttachments(entry) : entry))
    this.messages = this.entries.filter((entry) => entry.kind === 'message').length
  }

  /** How much of it is read, as another tab knows that has the same events. */
  stand({ head, read, unread, counted, marks }: Standing): void {
    this.told(head)
    this.read = read
    this.unread = unread
    this.counted = counted
    for (const [account, ...marked] of marks) this.receipt(account, ...marked)
  }

  private say(event: MessageEvent, me: AccountId | null): void {
    const message = this.dressed(messageOf(event))
    if (message.body === null) this.condemned.add(message.seq)
    this.entries.push(message)
    this.messages += 1
    this.trim()
    if (event.seq > this.counted && this.isUnread(message, me)) this.unread += 1
  }

  private occur(event: LogEvent): void {
    switch (event.kind) {
      case 'created':
        this.subject = event.subject
        this.project = event.project ?? null
        for (const member of event.members) this.members.add(member)
        this.membersKnown = true
        break
      case 'member_joined':
        this.members.add(event.account)
        break
      case 'member_left':
        this.members.delete(event.account)
        break
      case 'renamed':
        this.subject = event.subject
        break
      case 'status_changed':
        this.status = event.status
        break
      default:
        this.skipped += 1
        return
    }
    this.entries.push(entryOf(event)!)
  }

  private change(target: number, seq: number, me: AccountId | null, alter: (message: Message) => Message): void {
    const at = this.place(target)
    const message = at === null ? null : this.entries[at]!
    if (at === null || message?.kind !== 'message') return // older than what is held
    const before = this.isUnread(message, me)
    const altered = alter(message)
    this.entries[at] = altered
    if (seq > this.counted) {
      this.unread = Math.max(0, this.unread + Number(this.isUnread(altered, me)) - Number(before))
    }
  }

  private takeBack(target: number, seq: number, me: AccountId | null): void {
    this.change(target, seq, me, (message) => {
      this.condemned.delete(target)
      return { ...message, body: null, attachments: NO_ATTACHMENTS }
    })
  }

  /** A file was checked, or checked anew: so say all messages that hold it, also those that are read later. */
  private judge(event: FileScannedEvent): void {
    if (!this.verdicts.say(event)) return
    this.entries.forEach((entry, at) => {
      if (entry.kind === 'message') this.entries[at] = this.verdicts.on(entry)
    })
  }

  private redraw(target: number): void {
    const at = this.place(target)
    const entry = at === null ? null : this.entries[at]!
    if (at !== null && entry?.kind === 'message') this.entries[at] = this.withReactions(entry)
  }

  /** A message with all that was said of it and its files. */
  private dressed(message: Message): Message {
    return this.verdicts.on(this.withReactions(message))
  }

  private withReactions(message: Message): Message {
    const reactions = this.reactions.of(message.seq)
    return reactions === message.reactions ? message : { ...message, reactions }
  }

  private isUnread(entry: Entry, me: AccountId | null): boolean {
    if (entry.kind !== 'message' || entry.seq <= this.read || entry.actor === me) return false
    return entry.body !== null || this.condemned.has(entry.seq)
  }
}
