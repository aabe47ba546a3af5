import { shallowRef, type InjectionKey, type Ref } from 'vue'

const ADDRESS = '/sw.js'
/** Who asks for a new version more often learns nothing new. */
const LEAST_BETWEEN = 60_000

export interface Update {
  /** A version newer than this page's is here; `reload` shows it. */
  readonly ready: Readonly<Ref<boolean>>
  /** The person said so: the newest version takes over, and this page is loaded anew. */
  reload(): void
  /** Ask the server whether there is a newer one; seldom does. */
  look(): void
  /** Where notifications are shown from, so that they outlive this page. Null where no worker is at work (yet). */
  registration(): ServiceWorkerRegistration | null
}

export const UPDATE: InjectionKey<Update> = Symbol('update')

interface Parts {
  readonly container: ServiceWorkerContainer | undefined
  readonly reload: () => void
  /** A notification was clicked, and this page is to show what it is about. */
  readonly show: (path: string) => void
  readonly now: () => number
}

/** An address that the policy of the page trusts for a worker: ours, and no other (Trusted Types, `edge/webapp.py`). */
function trusted(address: string): string {
  const types = (globalThis as { trustedTypes?: { createPolicy(name: string, rules: object): { createScriptURL(address: string): string } } }).trustedTypes
  if (types === undefined) return address
  return types
    .createPolicy('parley', {
      createScriptURL: (given: string): string => {
        if (given !== ADDRESS) throw new TypeError('not the address of the worker')
        return given
      },
    })
    .createScriptURL(address)
}

/**
 * Registers the service worker and follows its versions: a new one waits, and is told of by `ready`, until somebody wants it
 * or the last page of the old one is closed. Without service workers (a private window, plain http) nothing happens.
 */
export function followWorker({ container, reload, show, now }: Parts): Update {
  const ready = shallowRef(false)
  let registration: ServiceWorkerRegistration | null = null
  let asked = now()
  let wanted = false
  const ours = container?.controller ?? null

  function found(): void {
    const coming = registration?.installing
    coming?.addEventListener('statechange', () => {
      if (coming.state === 'installed' && container?.controller) ready.value = true
    })
  }

  container?.addEventListener('controllerchange', () => {
    if (wanted) reload()
    // Another page's person wanted it. This one goes on, from what is kept of its version, until its own person does.
    else if (ours !== null) ready.value = true
  })
  container?.addEventListener('message', ({ data }: MessageEvent<{ type?: unknown; path?: unknown } | null>) => {
    if (data?.type === 'show' && typeof data.path === 'string') show(data.path)
  })
  void container
    ?.register(trusted(ADDRESS), { updateViaCache: 'none' })
    .then((it) => {
      registration = it
      if (it.waiting !== null && container.controller !== null) ready.value = true
      it.addEventListener('updatefound', found)
      found()
    })
    .catch(() => undefined) // not allowed here: the app goes on without

  return {
    ready,
    reload(): void {
      wanted = true
      const waiting = registration?.waiting
      if (waiting) waiting.postMessage({ type: 'take-over' })
      else reload()
    },
    look(): void {
      if (registration === null || now() - asked < LEAST_BETWEEN) return
      asked = now()
      void registration.update().catch(() => undefined) // no network: the next time
    },
    registration: () => (registration?.active ? registration : null),
  }
}
