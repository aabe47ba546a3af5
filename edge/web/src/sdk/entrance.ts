/** Who is signed in at this page, and what is kept of whom: coming, going, and making room for the next one. */
import { Account, type AccountParts } from './account'
import type { Bounds } from './backoff'
import { codecFor, type Encoding } from './codec'
import { Device } from './device'
import { personOf } from './directory'
import { ApiError } from './faults'
import { Cell } from './observable'
import type { Timing } from './session'
import { IndexedStore, MemoryStore, type Store } from './store'
import { Suspension } from './suspension'
import { type Said, Tabs } from './tabs'
import type { Id, Person, SessionState, StorageState } from './types'

export interface EntranceOptions {
  readonly storage?: 'indexeddb' | 'memory'
  readonly encoding?: Encoding
  /** Name and version of the program, for the server's logs. */
  readonly client?: string
  readonly bounds?: Bounds
  readonly timing?: Timing
}

type Shared = Pick<AccountParts, 'environment' | 'api' | 'credentials' | 'turn' | 'onNotice' | 'onRefused'>

export interface EntranceParts extends EntranceOptions, Shared {
  /** Another account is shown from now on, or none. */
  readonly onAccount: (account: Account | null) => void
  readonly onSignedOut: (phase: SessionState['phase']) => void
}

export class Entrance {
  readonly session: Cell<SessionState>
  readonly storage: Cell<StorageState>
  account: Account | null = null
  private readonly parts: EntranceParts
  private readonly host: string
  private readonly indexedDB: IDBFactory | undefined
  private readonly device: Device
  private readonly suspension: Suspension
  private tabs: Tabs | null = null
  private store: Store | null = null
  private last: Promise<unknown> = Promise.resolve()

  constructor(parts: EntranceParts) {
    this.parts = parts
    this.host = new URL(parts.api.url).host
    this.indexedDB = parts.storage === 'memory' ? undefined : parts.environment.indexedDB
    this.suspension = new Suspension(parts.environment.onSuspend)
    this.device = new Device(this.indexedDB, this.host, this.suspension)
    this.session = new Cell<SessionState>(parts.turn, { phase: 'unknown', account: null })
    this.storage = new Cell<StorageState>(parts.turn, { kind: 'memory', trouble: null })
  }

  /** Show what is stored, also without a network; connect where there is a session. */
  async start(): Promise<void> {
    this.tabs = new Tabs(`parley:${this.host}`, this.parts.environment)
    this.tabs.listen((said, from) => this.hear(said, from))
    await this.serially(() => this.begin())
  }

  private async begin(): Promise<void> {
    const last = await this.device.last()
    if (last !== null) {
      await this.enter(last)
      return
    }
    try {
      await this.enter(personOf(await this.parts.api.me()))
    } catch {
      // Not signed in; or nobody can tell, which signing in will show.
      this.session.set({ phase: 'signed-out', account: null })
    }
  }

  /** Hang up; what is stored stays for the next time. */
  close(): void {
    this.leave()
    this.tabs?.close()
    this.tabs = null
  }

  /** Raises ApiError (`unauthenticated`: the password, or the address, is wrong) or Unreachable. */
  async signIn(email: string, password: string): Promise<Person> {
    const { account } = await this.parts.api.once<{ account: Person }>(
      'POST', 'auth/login', { body: { email, password, cookie: true } }, null,
    )
    await this.serially(() => this.become(personOf(account)))
    this.tabs?.say({ type: 'session', account: personOf(account) })
    return personOf(account)
  }

  /**
   * End the session and delete all that is stored of the account, in every tab: also what is unsent, so ask first.
   * Raises Unreachable, with nothing done, where the server cannot be told.
   */
  async signOut(): Promise<void> {
    const { account } = this.session.value
    try {
      await this.parts.api.post('auth/logout', {})
    } catch (fault) {
      if (!(fault instanceof ApiError) || fault.status !== 401) throw fault // it has ended already
    }
    this.tabs?.say({ type: 'session', account: null })
    await this.serially(async () => {
      this.leave()
      if (account !== null) await this.device.erase(account.id)
      this.end('signed-out', null)
    })
  }

  /** One comes or goes at a time. */
  private serially<T>(work: () => Promise<T>): Promise<T> {
    const done = this.last.then(work)
    this.last = done.catch(() => undefined)
    return done
  }

  /** Somebody signs in: whoever was here before leaves nothing behind. */
  private async become(person: Person): Promise<void> {
    const before = this.session.value.account ?? (await this.device.last())
    this.leave()
    if (before !== null && before.id !== person.id) await this.device.erase(before.id)
    await this.enter(person)
  }

  private async enter(person: Person): Promise<void> {
    const store = await this.openStore(person)
    const memory = await store.recall()
    if (store.state.kind === 'stored') await this.device.remember(person)
    if (this.tabs === null) {
      store.close() // closed meanwhile
      return
    }
    this.store = store
    this.storage.set(store.state)
    const { encoding = 'msgpack', client = 'parley-web/1', ...parts } = this.parts
    this.account = new Account({
      ...parts,
      client,
      codec: codecFor(encoding),
      person,
      tabs: this.tabs,
      store,
      onEnded: (why) => void this.serially(() => (why === 'expired' ? this.expire() : this.replaced())),
    })
    this.session.set({ phase: 'signed-in', account: person })
    this.parts.onAccount(this.account)
    this.account.begin(memory)
  }

  private async openStore(person: Person): Promise<Store> {
    if (this.indexedDB === undefined) return new MemoryStore(this.parts.storage === 'memory' ? null : 'unavailable')
    try {
      const name = this.device.database(person.id)
      const store: IndexedStore = await IndexedStore.open(this.indexedDB, name, () => this.storage.set(store.state), this.suspension)
      return store
    } catch {
      return new MemoryStore('unavailable')
    }
  }

  private leave(): void {
    this.account?.close()
    this.account = null
    this.store?.close()
    this.store = null
    this.parts.onAccount(null)
  }

  /** Stored data stays: whoever it is signs in again, or somebody else does, which deletes it. */
  private expire(): Promise<void> {
    const { account } = this.session.value
    this.leave()
    this.end('expired', account)
    return Promise.resolve()
  }

  /** The cookie is somebody else's by now: what is shown is not for those eyes. */
  private async replaced(): Promise<void> {
    const { account } = this.session.value
    this.leave()
    if (account !== null) await this.device.erase(account.id)
    try {
      await this.enter(personOf(await this.parts.api.me()))
    } catch {
      this.end('signed-out', null)
    }
  }

  private end(phase: 'signed-out' | 'expired', account: Person | null): void {
    this.session.set({ phase, account })
    this.parts.onSignedOut(phase)
  }

  private hear(said: Said, from: Id): void {
    if (said.type !== 'session') {
      this.account?.hear(said, from)
      return
    }
    const { account } = this.session.value
    if (said.account === null && account !== null) {
      this.leave()
      this.end('signed-out', null)
    } else if (said.account !== null && said.account.id !== this.account?.model.me) {
      const person = said.account
      void this.serially(() => this.become(person))
    }
  }
}
