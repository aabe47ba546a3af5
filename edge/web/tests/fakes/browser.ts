/** A browser with tabs that talk to a `FakeServer`: one storage, one set of locks, one cookie. */
import 'fake-indexeddb/auto' // the classes that `idb` asks for; each browser has a factory of its own
import { IDBFactory } from 'fake-indexeddb'
import { expect, vi } from 'vitest'
import { type Message, type OpenConversation, Parley, type ParleyOptions } from '../../src/sdk'
import { TIMING } from '../../src/sdk/session'
import { FakeLocks } from './locks'
import { FakeServer } from './server'

export interface Tab {
  readonly parley: Parley
  /** As if the tab were killed: nothing is said or stored any more. */
  die(): void
  /** It is worth trying at once. */
  wake(): void
  /** The page may be gone in a moment. */
  leave(): void
}

let servers = 0

export class FakeBrowser {
  readonly server: FakeServer
  readonly indexedDB = new IDBFactory()
  private readonly locks = new FakeLocks()
  private readonly tabs: Tab[] = []
  private readonly url: string

  constructor(server = new FakeServer()) {
    this.server = server
    servers += 1
    this.url = `http://host-${servers}:1` // tabs of another test are tabs of another server
  }

  tab(options: ParleyOptions = {}): Tab {
    const { server } = this
    let dead = false
    const locks = this.locks.tab()
    let wake: () => void = () => undefined
    let leave: () => void = () => undefined
    const parley = new Parley({
      url: this.url,
      encoding: 'json',
      bounds: { first: 1, most: 5 },
      timing: { ...TIMING, settle: 5 },
      ...options,
      environment: {
        WebSocket: server.socketClass(() => !dead),
        fetch: (...given) => (dead ? new Promise(() => undefined) : server.fetch(...given)),
        indexedDB: this.indexedDB,
        locks,
        onWake: (listener) => {
          wake = listener
          return () => undefined
        },
        onLeave: (listener) => {
          leave = listener
          return () => undefined
        },
        ...options.environment,
      },
    })
    const die = (): void => {
      dead = true
      locks.die()
      parley.close()
    }
    const tab = { parley, die, wake: () => wake(), leave: () => leave() }
    this.tabs.push(tab)
    return tab
  }

  close(): void {
    for (const tab of this.tabs) tab.parley.close()
  }
}

/** Look until it holds. */
export const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 4_000, interval: 2 })

/** Start the tab, and wait until it shows what the server has. */
export async function live(tab: Tab): Promise<Tab> {
  await tab.parley.start()
  await until(() => expect(tab.parley.connection.value.phase).toBe('live'))
  await until(() => expect(tab.parley.conversations.value).not.toHaveLength(0))
  return tab
}

/** The texts in the log, in order. */
export function bodies(open: OpenConversation): (string | null)[] {
  return open.timeline.value.entries.filter((entry): entry is Message => entry.kind === 'message').map(({ body }) => body)
}
