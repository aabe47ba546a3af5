/**
 * Changes on their way from the leading tab to the others. Pure.
 *
 * They are numbered: who finds a number missing, or hears of another leader, asks for all anew.
 */
import type { Change } from './change'
import type { Standing, StoredFold } from './fold'
import { newId } from './ids'
import type { Model } from './model'
import type { Said, Snapshot } from './tabs'
import type { AccountId, ConversationId, Id } from './types'

/** Entries of a conversation that one tab hands another. */
export const HANDED_ENTRIES = 500

/** The leader's end. */
export class Sender {
  private readonly account: AccountId
  private readonly term: Id = newId()
  private readonly followers = new Set<Id>()
  private next = 0
  private waiting: Change[] = []

  constructor(account: AccountId) {
    this.account = account
  }

  /** It goes with the next `flush`. True: nothing waited before. */
  add(change: Change): boolean {
    if (this.followers.size === 0) return false
    return this.waiting.push(change) === 1
  }

  /** What to say to all followers; null: nothing. */
  flush(): Said | null {
    if (this.waiting.length === 0) return null
    const { account, term, next: first, waiting: changes } = this
    this.waiting = []
    this.next += changes.length
    return { type: 'changes', account, term, first, changes }
  }

  /** A tab wants to know all. True: it is a new one. */
  greeted(tab: Id): boolean {
    const fresh = !this.followers.has(tab)
    this.followers.add(tab)
    return fresh
  }

  /** What to say to it; everything before has been flushed. */
  welcome(tab: Id, snapshot: Snapshot): Said {
    return { type: 'welcome', to: tab, term: this.term, next: this.next, snapshot }
  }

  lost(tab: Id): void {
    this.followers.delete(tab)
  }
}

/** A follower's end. */
export class Receiver {
  private term: Id | null = null
  private next = 0

  /** What is heard from now on builds on the snapshot. */
  welcomed(term: Id, next: number): void {
    this.term = term
    this.next = next
  }

  /** Another one leads: nothing counts before its welcome. */
  lost(): void {
    this.term = null
  }

  /** Those of the changes that are new; null: something is missing, ask anew. What comes before a welcome is in it. */
  take(term: Id, first: number, changes: readonly Change[]): readonly Change[] | null {
    if (this.term === null) return []
    if (term !== this.term || first > this.next) {
      this.term = null
      return null
    }
    const fresh = changes.slice(this.next - first)
    this.next = Math.max(this.next, first + changes.length)
    return fresh
  }
}

/** What the model knows, of conversations only those where the other tab knows less. */
export function snapshotOf(model: Model, cursors: ReadonlyMap<ConversationId, number>): Snapshot {
  const folds = [...model.folds.values()]
  const standings: Standing[] = []
  const more: StoredFold[] = []
  for (const fold of folds) {
    const cursor = cursors.get(fold.conversation) ?? -1
    if (cursor < fold.cursor) more.push(fold.stored(HANDED_ENTRIES))
    else if (cursor === fold.cursor) standings.push(fold.stored(0))
  }
  return {
    epoch: model.epoch,
    folds: more,
    standings: standings.map(({ id, head, read, unread, counted, marks }) => ({ id, head, read, unread, counted, marks })),
    commands: [...model.commands.values()],
    left: folds.map((fold) => fold.conversation).filter((id) => !model.isMember(id)),
    presence: [...model.present],
    connection: model.connection.value,
    limits: model.limits.value,
  }
}
