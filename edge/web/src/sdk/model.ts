/**
 * All that a tab knows of one account. Every tab holds one and applies the same changes, so all show the same.
 *
 * No I/O. Changes are cheap: what is shown is computed when somebody reads it.
 */
import type { ConversationAnswer, ListedAnswer } from './api'
import type { Change } from './change'
import type { Command } from './command'
import { Typists } from './company'
import { messageOf } from './entry'
import { Fold, KEPT_MESSAGES, type StoredFold } from './fold'
import type { HeadOf, LogEvent } from './frames'
import { Cell, Derived, type Turn } from './observable'
import type { Snapshot } from './tabs'
import { timelineOf } from './timeline'
import type {
  AccountId, CommandId, ConnectionState, Conversation, ConversationId, Limits, Observable, Presence, Timeline, Unsent,
} from './types'

export const UNCONNECTED: ConnectionState = {
  phase: 'offline', since: 0, currentAt: null, retryAt: null, reason: null, stale: new Set(),
}

/** Until the server says what it takes. */
export const UNLIMITED: Limits = { file: null, attachments: 10 }

interface Loading {
  readonly loading: boolean
  readonly trouble: string | null
}

const IDLE: Loading = { loading: false, trouble: null }

export class Model {
  readonly me: AccountId
  readonly folds = new Map<ConversationId, Fold>()
  readonly commands = new Map<CommandId, Command>()
  readonly connection: Cell<ConnectionState>
  readonly limits: Cell<Limits>
  readonly conversations: Derived<readonly Conversation[]>
  readonly unlisted: Derived<number>
  readonly presence: Derived<ReadonlyMap<AccountId, Presence>>
  readonly typing: Derived<ReadonlyMap<ConversationId, readonly AccountId[]>>
  readonly unsent: Derived<number>
  readonly unsentIn: Derived<ReadonlyMap<ConversationId, Unsent>>
  readonly typists = new Typists()
  readonly present = new Map<AccountId, Presence>()
  /** What the folds' cursors are worth. */
  epoch: string | null = null
  /** Told of each conversation of which something changed that is worth storing. */
  onDirty: (conversation: ConversationId) => void = () => undefined
  private readonly turn: Turn
  private readonly left = new Set<ConversationId>()
  /** Own messages whose event is here already, though not their ack. */
  private readonly landed = new Set<CommandId>()
  private readonly loadings = new Map<ConversationId, Loading>()
  private readonly summaries = new Map<ConversationId, Conversation>()
  private readonly single = new Map<ConversationId, Derived<Conversation | null>>()
  private readonly timelines = new Map<ConversationId, Derived<Timeline>>()

  constructor(me: AccountId, turn: Turn) {
    this.me = me
    this.turn = turn
    this.connection = new Cell(turn, UNCONNECTED)
    this.limits = new Cell(turn, UNLIMITED)
    this.conversations = new Derived(turn, () => this.list())
    this.unlisted = new Derived(turn, () => [...this.folds.values()].filter((one) => this.isUnlisted(one)).length)
    this.presence = new Derived(turn, () => new Map(this.present))
    this.typing = new Derived(turn, () => this.typists.all)
    this.unsent = new Derived(turn, () => [...this.commands.values()].filter((one) => this.isUnsent(one)).length)
    this.unsentIn = new Derived(turn, () => this.unsentByConversation())
  }

  /** Go on from what was stored. */
  restore(epoch: string | null, folds: readonly StoredFold[], commands: readonly Command[]): void {
    this.epoch = epoch
    for (const fold of folds) this.recall(fold)
    for (const command of commands) this.command(command)
  }

  /** Know what another tab knows. */
  copy({ epoch, folds, standings, commands, left, presence, connection, limits }: Snapshot, now: number): void {
    for (const id of left) this.left.add(id)
    this.restore(epoch, folds, commands)
    for (const standing of standings) {
      this.fold(standing.id).stand(standing)
      this.touch(standing.id)
    }
    for (const [account, how] of presence) this.present.set(account, how)
    this.presence.touch()
    this.limits.set(limits)
    this.apply({ type: 'connection', state: connection }, now)
  }

  conversation(id: ConversationId): Observable<Conversation | null> {
    return memo(this.single, id, () => new Derived(this.turn, () => this.summary(id)))
  }

  timeline(id: ConversationId): Observable<Timeline> {
    return memo(this.timelines, id, () => new Derived(this.turn, () => this.shown(id)))
  }

  /** The fold of the conversation, a new one where none was. */
  fold(id: ConversationId): Fold {
    return memo(this.folds, id, () => new Fold(id))
  }

  isMember(id: ConversationId): boolean {
    return !this.left.has(id)
  }

  /** Keep all that is loaded while somebody reads in it; afterwards only what is new. */
  hold(id: ConversationId, open: boolean): void {
    const fold = this.fold(id)
    fold.keep = open ? Infinity : KEPT_MESSAGES
    fold.trim()
    this.touch(id)
  }

  load(id: ConversationId, loading: boolean, trouble: string | null = null): void {
    this.loadings.set(id, { loading, trouble })
    this.timelines.get(id)?.touch()
  }

  /** Older history was read. */
  prepend(id: ConversationId, page: readonly LogEvent[], beginning: boolean): void {
    this.fold(id).prepend(page, beginning)
    this.touch(id)
  }

  forgetTypists(now: number): void {
    if (this.typists.expire(now)) this.typing.touch()
  }

  /** What a change means. False: it is an event that does not follow what is known here. */
  apply(change: Change, now: number): boolean {
    switch (change.type) {
      case 'event':
        return this.event(change.event, now)
      case 'heads':
        for (const item of change.items) this.head(item)
        return true
      case 'heard':
        this.heard(change.frame, now)
        return true
      case 'restarted':
        this.fold(change.conversation).restart(change.base, change.head)
        this.touch(change.conversation)
        return true
      case 'details':
        this.details(change.details)
        return true
      case 'listed':
        this.listed(change.items)
        return true
      case 'left':
        this.left.add(change.conversation)
        this.touch(change.conversation)
        return true
      case 'forgotten':
        this.folds.delete(change.conversation)
        this.touch(change.conversation)
        return true
      case 'marked':
        this.fold(change.conversation).markedRead(change.seq, this.me)
        this.touch(change.conversation)
        return true
      case 'command':
        this.command(change.command)
        return true
      case 'acked':
      case 'refused':
      case 'dropped':
        this.answer(change)
        return true
      case 'limits':
        this.limits.set(change.limits)
        return true
      case 'epoch':
        this.epoch = change.epoch
        return true
      case 'connection': {
        const before = this.connection.value.stale
        this.connection.set(change.state)
        for (const one of new Set([...before, ...change.state.stale])) {
          if (before.has(one) !== change.state.stale.has(one)) this.touch(one)
        }
      }
    }
    return true
  }

  /** What is shown of the conversation is out of date. */
  touch(id: ConversationId): void {
    this.summaries.delete(id)
    this.single.get(id)?.touch()
    this.timelines.get(id)?.touch()
    this.conversations.touch()
    this.unlisted.touch()
    this.onDirty(id)
  }

  private recall(stored: StoredFold): void {
    this.fold(stored.id).recall(stored)
    this.touch(stored.id)
  }

  private command(command: Command): void {
    this.commands.set(command.id, command)
    const { entries } = this.fold(command.frame.conversation)
    if (entries.some((entry) => entry.kind === 'message' && entry.id === command.id)) this.landed.add(command.id)
    this.settle(command)
  }

  private event(event: LogEvent, now: number): boolean {
    const { conversation } = event
    const fold = this.fold(conversation)
    if (!fold.apply(event, this.me)) return event.seq <= fold.cursor // seen before is no trouble
    this.left.delete(conversation)
    if (event.kind === 'message') {
      if (this.typists.heard(conversation, event.actor, false, now)) this.typing.touch()
      if (event.actor === this.me && this.commands.has(event.id)) this.landed.add(event.id)
    }
    for (const command of this.commands.values()) {
      if (command.frame.conversation === conversation) this.settle(command)
    }
    this.touch(conversation)
    return true
  }

  private head({ id, head, read, unread }: HeadOf): void {
    const fold = this.fold(id)
    const mine = fold.read
    this.left.delete(id)
    fold.toldUnread({ head, read, unread })
    fold.markedRead(Math.min(mine, head), this.me) // said here, and on its way
    this.touch(id)
  }

  private heard(frame: Extract<Change, { type: 'heard' }>['frame'], now: number): void {
    switch (frame.type) {
      case 'receipt': {
        const fold = this.fold(frame.conversation)
        const news = fold.receipt(frame.account, frame.read, frame.delivered)
        if (frame.account === this.me) fold.markedRead(frame.read, this.me)
        if (news) this.touch(frame.conversation)
        break
      }
      case 'typing':
        if (frame.account === this.me) break
        if (this.typists.heard(frame.conversation, frame.account, frame.on, now)) this.typing.touch()
        break
      case 'presence':
        this.present.set(frame.account, { state: frame.state, lastSeen: frame.last_seen ?? null })
        this.presence.touch()
    }
  }

  private details(details: ConversationAnswer): void {
    const fold = this.fold(details.id)
    fold.told(details.head)
    // What is known of the log up to its head is newer than the answer.
    if (fold.cursor <= details.head) {
      fold.subject = details.subject
      fold.status = details.status
      fold.project = details.project
      fold.toldMembers(details.members.map(({ account }) => account))
      if (fold.activeAt === '') fold.activeAt = details.created_at
      if (fold.cursor === fold.head && details.read >= fold.read) fold.toldUnread(details)
    }
    for (const { account, read, delivered } of details.members) {
      if (read !== null) fold.receipt(account, read, delivered ?? read)
    }
    fold.markedRead(details.read, this.me)
    this.touch(details.id)
  }

  /** The list, or a part of it, the last active first: so who has no message was active no later than who is before. */
  private listed(items: readonly ListedAnswer[]): void {
    let before = ''
    for (const item of items) {
      const fold = this.fold(item.id)
      const fresh = fold.base === null || fold.subject === ''
      fold.told(item.head)
      if (fresh || fold.cursor <= item.head) {
        fold.subject = item.subject
        fold.status = item.status
        fold.project = item.project
        fold.listed = item.last_message === null ? null : messageOf(item.last_message)
        if (item.members !== null) fold.toldMembers(item.members)
      }
      if (fresh) fold.toldUnread(item)
      const at = item.last_message?.at ?? before
      if (fold.activeAt < at) fold.activeAt = at
      before = at
      this.left.delete(item.id)
      this.touch(item.id)
    }
  }

  private answer(change: Extract<Change, { type: 'acked' | 'refused' | 'dropped' }>): void {
    const command = this.commands.get(change.id)
    if (command === undefined) return
    if (change.type === 'dropped') {
      this.remove(command)
      return
    }
    const answered: Command =
      change.type === 'acked'
        ? { ...command, state: 'sent', refusal: null, seq: change.seq }
        : { ...command, state: 'refused', refusal: change.refusal }
    this.commands.set(command.id, answered)
    this.settle(answered)
  }

  /** A command is over once its event is here. */
  private settle(command: Command): void {
    const fold = this.folds.get(command.frame.conversation)
    if (command.seq !== null && (fold === undefined || fold.cursor >= command.seq)) this.remove(command)
    else this.commanded(command)
  }

  private remove(command: Command): void {
    this.commands.delete(command.id)
    this.landed.delete(command.id)
    this.commanded(command)
  }

  private commanded(command: Command): void {
    this.timelines.get(command.frame.conversation)?.touch()
    this.unsent.touch()
    this.unsentIn.touch()
  }

  private isUnlisted({ conversation, subject, head }: Fold): boolean {
    return subject === '' && head > 0 && this.isMember(conversation)
  }

  private isUnsent(command: Command): boolean {
    return command.state === 'queued' && !this.landed.has(command.id)
  }

  /** A refused one outweighs those that wait. A refused reaction waits for nobody: it is not shown. */
  private unsentByConversation(): ReadonlyMap<ConversationId, Unsent> {
    const found = new Map<ConversationId, Unsent>()
    for (const command of this.commands.values()) {
      const { conversation, type } = command.frame
      if (command.state === 'refused' && type !== 'react') found.set(conversation, 'refused')
      else if (this.isUnsent(command) && !found.has(conversation)) found.set(conversation, 'queued')
    }
    return found
  }

  private shown(id: ConversationId): Timeline {
    const commands = [...this.commands.values()].filter(
      (one) => one.frame.conversation === id && !this.landed.has(one.id),
    )
    const { loading, trouble } = this.loadings.get(id) ?? IDLE
    const stale = this.connection.value.stale.has(id)
    return timelineOf(this.fold(id), { me: this.me, commands, loading, trouble, stale })
  }

  private list(): readonly Conversation[] {
    return [...this.folds.keys()]
      .map((id) => this.summary(id))
      .filter((one) => one !== null)
      .filter((one) => one.member && one.status !== 'archived' && one.subject !== '')
      .sort((one, other) => compare(other.activeAt, one.activeAt) || compare(one.id, other.id))
  }

  private summary(id: ConversationId): Conversation | null {
    const fold = this.folds.get(id)
    return fold === undefined ? null : memo(this.summaries, id, () => this.summarise(fold))
  }

  private summarise(fold: Fold): Conversation {
    const { conversation: id, subject, project, status, head, read, unread, lastMessage, activeAt } = fold
    const members = fold.membersKnown ? [...fold.members] : null
    const stale = this.connection.value.stale.has(id)
    return { id, subject, project, status, head, read, unread, lastMessage, activeAt, members, member: !this.left.has(id), stale }
  }
}

function memo<K, V>(known: Map<K, V>, key: K, make: () => V): V {
  let found = known.get(key)
  if (found === undefined) known.set(key, (found = make()))
  return found
}

function compare(one: string, other: string): number {
  return one < other ? -1 : Number(one > other)
}
