/**
 * Who put which emoji to which message. Pure.
 *
 * Of each (message, emoji, account) the word with the greatest seq counts, whatever order they come in: so a page of
 * older history may be read when later reactions to its messages are known already.
 */
import type { AccountId, Reaction } from './types'

/** Messages before the part of the log that is held whose reactions are remembered. */
export const REMEMBERED = 5_000

interface Word {
  readonly emoji: string
  readonly account: AccountId
  readonly on: boolean
  readonly seq: number
}

/** A word as it is stored. */
export type StoredWord = readonly [target: number, emoji: string, account: AccountId, on: boolean, seq: number]

export const NO_REACTIONS: readonly Reaction[] = []

export class Reactions {
  private readonly words = new Map<number, Map<string, Word>>()

  /** Somebody put it there, or took it away. True when that is news. */
  say(target: number, emoji: string, account: AccountId, on: boolean, seq: number): boolean {
    let words = this.words.get(target)
    if (words === undefined) {
      words = new Map()
      this.words.set(target, words)
      this.forgetSome()
    }
    const key = `${account} ${emoji}`
    const known = words.get(key)
    if (known !== undefined && known.seq >= seq) return false
    words.set(key, { emoji, account, on, seq })
    return known === undefined ? on : known.on !== on
  }

  /** Each emoji with whose it is, in the order in which they came. */
  of(target: number): readonly Reaction[] {
    const words = this.words.get(target)
    if (words === undefined) return NO_REACTIONS
    const found = new Map<string, AccountId[]>()
    for (const { emoji, account, on } of words.values()) {
      if (!on) continue
      const accounts = found.get(emoji)
      if (accounts === undefined) found.set(emoji, [account])
      else accounts.push(account)
    }
    return found.size === 0 ? NO_REACTIONS : [...found].map(([emoji, accounts]) => ({ emoji, accounts }))
  }

  clear(): void {
    this.words.clear()
  }

  *[Symbol.iterator](): IterableIterator<StoredWord> {
    for (const [target, words] of this.words) {
      for (const { emoji, account, on, seq } of words.values()) yield [target, emoji, account, on, seq]
    }
  }

  private forgetSome(): void {
    if (this.words.size <= REMEMBERED) return
    const [oldest] = [...this.words.keys()].sort((one, other) => one - other)
    this.words.delete(oldest!)
  }
}
