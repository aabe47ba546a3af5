/** What the SDK takes from where it runs: named here, so that a host or a test may hand in another. */
import type { Random } from './backoff'
import type { Unsubscribe } from './types'

export interface Environment {
  readonly WebSocket: typeof globalThis.WebSocket
  readonly fetch: typeof globalThis.fetch
  /** Tells how far an upload has got within a part. Undefined: `fetch` sends it, and that is told part by part. */
  readonly XMLHttpRequest: typeof globalThis.XMLHttpRequest | undefined
  /** Undefined: nothing is stored. */
  readonly indexedDB: IDBFactory | undefined
  /** Undefined: every tab holds a connection of its own. */
  readonly locks: Pick<LockManager, 'request'> | undefined
  readonly BroadcastChannel: typeof globalThis.BroadcastChannel | undefined
  /** Milliseconds that only rise. */
  readonly monotonic: () => number
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly random: Random
  /** Calls back when it is worth trying at once: the network is back, somebody looks at the page. */
  readonly onWake: (listener: () => void) => Unsubscribe
  /** Calls back when the page may be gone in a moment. */
  readonly onLeave: (listener: () => void) => Unsubscribe
  /** Calls back with true when the page is put aside as it is and its transactions stay open; with false when it is back. */
  readonly onSuspend: (listener: (suspended: boolean) => void) => Unsubscribe
}

/** A browser's; in Node what there is of it. */
export function browser(): Environment {
  const here = globalThis as Partial<typeof globalThis> & typeof globalThis
  return {
    WebSocket: here.WebSocket,
    fetch: (...given) => here.fetch(...given),
    XMLHttpRequest: here.XMLHttpRequest,
    indexedDB: here.indexedDB,
    // Browsers have locks in secure contexts only.
    locks: (here.navigator as Partial<Navigator> | undefined)?.locks,
    BroadcastChannel: here.BroadcastChannel,
    monotonic: () => performance.now(),
    now: () => Date.now(),
    random: Math.random,
    onWake: (listener) => {
      const looked = (): void => {
        if (here.document.visibilityState === 'visible') listener()
      }
      return both(
        listen(here, ['online', 'offline', 'pageshow'], listener),
        listen(here.document, ['visibilitychange'], looked),
      )
    },
    onLeave: (listener) => {
      const hidden = (): void => {
        if (here.document.visibilityState === 'hidden') listener()
      }
      return both(listen(here, ['pagehide'], listener), listen(here.document, ['visibilitychange'], hidden))
    },
    onSuspend: (listener) => {
      // The other engines end the transactions, or the page, themselves; there, what is written on leaving gets through.
      const { vendor } = here.navigator as Partial<Navigator> | undefined ?? {}
      if (vendor?.startsWith('Apple') !== true) return () => undefined
      const turned = (event: Event): void => {
        if ((event as PageTransitionEvent).persisted) listener(event.type === 'pagehide')
      }
      return listen(here, ['pagehide', 'pageshow'], turned)
    },
  }
}

function listen(target: Partial<EventTarget> | undefined, names: string[], listener: (event: Event) => void): Unsubscribe {
  for (const name of names) target?.addEventListener?.(name, listener)
  return () => {
    for (const name of names) target?.removeEventListener?.(name, listener)
  }
}

function both(one: Unsubscribe, other: Unsubscribe): Unsubscribe {
  return () => {
    one()
    other()
  }
}
