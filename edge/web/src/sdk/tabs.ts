/**
 * The tabs of one browser that show the same server: how they speak, and who of them leads.
 *
 * The leader is whoever holds a Web Lock; when its tab dies the browser hands the lock to the next, whatever state the
 * tab was in. Where there are no locks (a page without TLS) every tab leads for itself: two connections then send the
 * same stored commands under the same ids, which the server stores once.
 */
import type { Ask } from './ask'
import type { Change } from './change'
import type { Command } from './command'
import type { Environment } from './environment'
import type { Standing, StoredFold } from './fold'
import { newId } from './ids'
import type { AccountId, ConnectionState, ConversationId, Draft, Id, Limits, Person, Presence, Unsubscribe } from './types'

/** All that a tab needs to show what another shows. */
export interface Snapshot {
  /** Conversations of which the asking tab knows less. */
  readonly folds: readonly StoredFold[]
  /** Of those where it has the same events. */
  readonly standings: readonly Standing[]
  readonly epoch: string | null
  readonly commands: readonly Command[]
  readonly left: readonly ConversationId[]
  readonly presence: readonly (readonly [AccountId, Presence])[]
  readonly connection: ConnectionState
  readonly limits: Limits
}

export type Said =
  /** A tab wants to know all; it has these cursors. */
  | { readonly type: 'hello'; readonly account: AccountId; readonly cursors: readonly (readonly [ConversationId, number])[] }
  /** The changes from number `next` on build on this. */
  | { readonly type: 'welcome'; readonly to: Id; readonly term: Id; readonly next: number; readonly snapshot: Snapshot }
  | { readonly type: 'changes'; readonly account: AccountId; readonly term: Id; readonly first: number; readonly changes: readonly Change[] }
  /** Somebody leads from now on. */
  | { readonly type: 'leading'; readonly account: AccountId }
  | { readonly type: 'ask'; readonly account: AccountId; readonly ask: Ask }
  | { readonly type: 'draft'; readonly account: AccountId; readonly conversation: ConversationId; readonly draft: Draft | null }
  /** Somebody signed in here, or (null) out. */
  | { readonly type: 'session'; readonly account: Person | null }

export class Tabs {
  readonly id: Id = newId()
  private readonly name: string
  private readonly locks: Environment['locks']
  private readonly channel: BroadcastChannel | null
  private readonly over = new AbortController()

  /** `name`: what tabs of the same server have in common. */
  constructor(name: string, { locks, BroadcastChannel: Channel }: Pick<Environment, 'locks' | 'BroadcastChannel'>) {
    this.name = name
    this.locks = Channel === undefined ? undefined : locks
    this.channel = Channel === undefined ? null : new Channel(name)
    void this.hold(`${name} tab ${this.id}`, () => undefined)
  }

  /** Called with what other tabs say, and which of them. */
  listen(listener: (said: Said, from: Id) => void): void {
    if (this.channel === null) return
    this.channel.onmessage = ({ data }: MessageEvent<{ from: Id; said: Said }>) => listener(data.said, data.from)
  }

  say(said: Said): void {
    // Who leads for itself tells the others only what no server does.
    if (this.locks === undefined && said.type !== 'draft' && said.type !== 'session') return
    this.channel?.postMessage({ from: this.id, said })
  }

  /** Call back when this tab is the one that leads for the account; at once where nobody can tell. */
  lead(account: AccountId, begin: () => void): Unsubscribe {
    if (this.locks === undefined) {
      let wanted = true
      queueMicrotask(() => {
        if (wanted) begin()
      })
      return () => {
        wanted = false
      }
    }
    return this.hold(`${this.name} leader ${account}`, begin)
  }

  /** Call back when that tab is gone; at once where nobody can tell. */
  outlive(tab: Id, gone: () => void): void {
    if (this.locks === undefined) {
      queueMicrotask(gone)
      return
    }
    let release: Unsubscribe = () => undefined
    release = this.hold(`${this.name} tab ${tab}`, () => {
      release()
      gone()
    })
  }

  close(): void {
    this.over.abort()
    this.channel?.close()
  }

  /** Wait for the lock, call back, and hold it until told otherwise. */
  private hold(name: string, begin: () => void): Unsubscribe {
    if (this.locks === undefined) return () => undefined
    const waiting = new AbortController()
    const end = (): void => waiting.abort()
    this.over.signal.addEventListener('abort', end, { once: true })
    const held = (): Promise<void> => {
      if (waiting.signal.aborted) return Promise.resolve()
      begin()
      return new Promise((resolve) => {
        if (waiting.signal.aborted) resolve()
        else waiting.signal.addEventListener('abort', () => resolve(), { once: true })
      })
    }
    this.locks.request(name, { signal: waiting.signal }, held).catch(() => {
      // Aborted while it waited: nobody wants it any more.
    })
    return end
  }
}
