/**
 * Parley in a page: one object, from which everything else is reached.
 *
 *     const parley = new Parley()
 *     await parley.start()
 *     parley.conversations.subscribe(() => draw(parley.conversations.value))
 *     const talk = parley.open(id)
 *     talk.send('Good morning')
 */
import type { Account } from './account'
import { Api, type ConversationAnswer, type Page } from './api'
import { HostToken, SessionCookie, type TokenSource } from './credentials'
import { personOf, projectOf } from './directory'
import { Entrance, type EntranceOptions } from './entrance'
import { messageOf } from './entry'
import { browser, type Environment } from './environment'
import { Files } from './files'
import { newId } from './ids'
import { UNCONNECTED, UNLIMITED } from './model'
import { Derived, Turn } from './observable'
import { OpenConversation } from './open'
import type {
  AccountId, CommandId, ConnectionState, Conversation, ConversationId, Draft, Id, Limits, Message, Notice, Observable, Person,
  Presence, Project, ProjectId, SessionState, Status, StorageState, Unsent, Unsubscribe, Upload, UploadId,
} from './types'
import type { Content } from './uploads'

export interface ParleyOptions extends EntranceOptions {
  /** The server; where the page comes from, if left out. */
  readonly url?: string
  /** A host application signs in by itself: its tokens. Left out: a session cookie of `signIn`. */
  readonly token?: TokenSource
  readonly environment?: Partial<Environment>
}

interface Events {
  /** A message of somebody else arrived. */
  notice: Notice
  /** The server refused a command that was made in this tab. */
  refused: CommandId
  /** Somebody signed out, in whatever tab, or the session ended. */
  'signed-out': SessionState['phase']
}

type Listener<K extends keyof Events> = (event: Events[K]) => void

export interface HistoryItem {
  readonly body: string
  readonly at: string
  readonly actor: AccountId
}

export class Parley {
  readonly session: Observable<SessionState>
  readonly connection: Observable<ConnectionState>
  readonly conversations: Observable<readonly Conversation[]>
  /** How many more there are of which nothing but that is known yet. */
  readonly unlisted: Observable<number>
  readonly people: Observable<ReadonlyMap<AccountId, Person>>
  readonly projects: Observable<ReadonlyMap<ProjectId, Project>>
  readonly presence: Observable<ReadonlyMap<AccountId, Presence>>
  readonly typing: Observable<ReadonlyMap<ConversationId, readonly AccountId[]>>
  readonly unsent: Observable<number>
  /** In which conversations something waits to be sent, or was refused. */
  readonly unsentIn: Observable<ReadonlyMap<ConversationId, Unsent>>
  readonly storage: Observable<StorageState>
  /** What one has begun to write. */
  readonly drafts: {
    readonly all: Observable<ReadonlyMap<ConversationId, Draft>>
    get(conversation: ConversationId): Draft | null
    set(conversation: ConversationId, draft: Draft | null): void
  }
  /** Files on their way, of this tab. Whoever has added one sends it with a message (`OpenConversation.send`). */
  readonly uploads: {
    readonly all: Observable<ReadonlyMap<UploadId, Upload>>
    /** Null: too many are on their way. */
    add(conversation: ConversationId, file: Content): UploadId | null
    pause(id: UploadId): void
    resume(id: UploadId): void
    cancel(id: UploadId): void
  }
  /** What the server takes at most. */
  readonly limits: Observable<Limits>
  /** Files that are there: where to get them, what is known of them, and what admins may do. */
  readonly files: Files
  /** Everything else that the server offers. */
  readonly api: Api
  private readonly turn = new Turn()
  private readonly entrance: Entrance
  private readonly listeners: { [K in keyof Events]: Set<Listener<K>> }
  private readonly relayed: ((account: Account | null) => void)[] = []

  constructor(options: ParleyOptions = {}) {
    const environment = { ...browser(), ...options.environment }
    const url = options.url ?? globalThis.location.origin
    this.api = new Api({ url, fetch: environment.fetch })
    const credentials =
      options.token === undefined
        ? new SessionCookie(() => this.api.once('POST', 'auth/refresh', { body: {} }, null))
        : new HostToken(options.token)
    this.api.credentials = credentials
    this.listeners = { notice: new Set(), refused: new Set(), 'signed-out': new Set() }
    this.entrance = new Entrance({
      ...options,
      environment,
      api: this.api,
      credentials,
      turn: this.turn,
      onAccount: (account) => {
        for (const relay of this.relayed) relay(account)
      },
      onNotice: (notice) => this.emit('notice', notice),
      onRefused: (id) => this.emit('refused', id),
      onSignedOut: (phase) => this.emit('signed-out', phase),
    })
    this.session = this.entrance.session
    this.storage = this.entrance.storage
    this.connection = this.relay(UNCONNECTED, ({ model }) => model.connection)
    this.conversations = this.relay<readonly Conversation[]>([], ({ model }) => model.conversations)
    this.unlisted = this.relay(0, ({ model }) => model.unlisted)
    this.people = this.relay<ReadonlyMap<AccountId, Person>>(new Map(), ({ directory }) => directory.people.all)
    this.projects = this.relay<ReadonlyMap<ProjectId, Project>>(new Map(), ({ directory }) => directory.projects.all)
    this.presence = this.relay<ReadonlyMap<AccountId, Presence>>(new Map(), ({ model }) => model.presence)
    this.typing = this.relay<ReadonlyMap<ConversationId, readonly AccountId[]>>(new Map(), ({ model }) => model.typing)
    this.unsent = this.relay(0, ({ model }) => model.unsent)
    this.unsentIn = this.relay<ReadonlyMap<ConversationId, Unsent>>(new Map(), ({ model }) => model.unsentIn)
    this.drafts = {
      all: this.relay<ReadonlyMap<ConversationId, Draft>>(new Map(), ({ drafts }) => drafts.all),
      get: (conversation) => this.entrance.account?.drafts.get(conversation) ?? null,
      set: (conversation, draft) => this.entrance.account?.drafts.set(conversation, draft),
    }
    this.limits = this.relay(UNLIMITED, ({ model }) => model.limits)
    this.uploads = {
      all: this.relay<ReadonlyMap<UploadId, Upload>>(new Map(), ({ uploads }) => uploads.all),
      add: (conversation, file) => this.signedIn.uploads.add(conversation, file),
      pause: (id) => this.entrance.account?.uploads.pause(id),
      resume: (id) => this.entrance.account?.uploads.resume(id),
      cancel: (id) => this.entrance.account?.attaching.cancel(id),
    }
    this.files = new Files(this.api, environment)
    // Addresses are signed for who asked.
    this.relayed.push(() => this.files.forget())
  }

  // Coming and going --------------------------------------------------------

  /** Show what is stored, also without a network; connect where there is a session. */
  start(): Promise<void> {
    return this.entrance.start()
  }

  /** Hang up; what is stored stays for the next time. */
  close(): void {
    this.entrance.close()
  }

  /** Raises ApiError (`unauthenticated`: the password, or the address, is wrong) or Unreachable. */
  signIn(email: string, password: string): Promise<Person> {
    return this.entrance.signIn(email, password)
  }

  /**
   * End the session and delete all that is stored of the account, in every tab: also what is unsent, so ask first.
   * Raises Unreachable, with nothing done, where the server cannot be told.
   */
  signOut(): Promise<void> {
    return this.entrance.signOut()
  }

  /** Try to connect now rather than later. */
  retryNow(): void {
    this.entrance.account?.retryNow()
  }

  on<K extends keyof Events>(name: K, listener: Listener<K>): Unsubscribe {
    const own: Listener<K> = (event) => listener(event)
    this.listeners[name].add(own)
    return () => this.listeners[name].delete(own)
  }

  // Who is there ------------------------------------------------------------

  /** Whether somebody sits at this tab. */
  be(state: 'online' | 'away'): void {
    this.entrance.account?.be(state)
  }

  /** Have the presence of these conversations' members told, behind those that are open. At most 20 in all. */
  watch(conversations: readonly ConversationId[]): void {
    this.entrance.account?.watch(conversations)
  }

  /** Undefined: not known yet; `people` tells when it is. */
  person(id: AccountId): Person | undefined {
    return this.entrance.account?.directory.people.get(id)
  }

  /** Undefined: not known yet; `projects` tells when it is. */
  project(id: ProjectId): Project | undefined {
    return this.entrance.account?.directory.projects.get(id)
  }

  /** Whom one may write to, by a part of the name (staff: or the address). */
  async findAccounts(query: string, { limit = 20 }: { limit?: number } = {}): Promise<Person[]> {
    const { items } = await this.api.get<Page<Person>>('accounts', { query, limit })
    return items.map(personOf)
  }

  async findProjects(query: string, { limit = 50 }: { limit?: number } = {}): Promise<Project[]> {
    const { items } = await this.api.get<Page<Project>>('projects', { query, limit })
    const found = items.map(projectOf)
    for (const project of found) this.entrance.account?.directory.projects.learn(project, true)
    return found
  }

  async projectMembers(id: ProjectId): Promise<Person[]> {
    const { items } = await this.api.get<Page<Person>>(`projects/${id}/members`, { limit: 200 })
    return items.map(personOf)
  }

  // Conversations -----------------------------------------------------------

  /** Look at a conversation, until `close` of what it returns. Raises where nobody is signed in. */
  open(id: ConversationId): OpenConversation {
    return new OpenConversation(this.signedIn, id)
  }

  conversation(id: ConversationId): Observable<Conversation | null> {
    return this.signedIn.model.conversation(id)
  }

  /** Read its members and markers anew. */
  async details(id: ConversationId): Promise<Conversation> {
    await this.signedIn.details(id)
    return this.signedIn.model.conversation(id).value!
  }

  /** Begin a conversation. The same `key` is the same wish: whoever repeats it gets the same conversation. */
  async create(wish: { subject: string; members: readonly AccountId[]; project?: ProjectId | null; key?: Id }): Promise<ConversationId> {
    const { subject, members, project = null, key = newId() } = wish
    const body = { subject, members, ...(project === null ? {} : { project }) }
    const details = await this.api.post<ConversationAnswer>('conversations', body, key)
    this.entrance.account?.learned(details)
    return details.id
  }

  async rename(id: ConversationId, subject: string): Promise<void> {
    await this.api.patch(`conversations/${id}`, { subject }, newId())
  }

  async setStatus(id: ConversationId, status: Status): Promise<void> {
    await this.api.patch(`conversations/${id}`, { status }, newId())
  }

  async addMember(id: ConversationId, account: AccountId): Promise<void> {
    await this.api.put(`conversations/${id}/members/${account}`, undefined, newId())
  }

  /** Another one, or oneself: to leave. */
  async removeMember(id: ConversationId, account: AccountId): Promise<void> {
    await this.api.delete(`conversations/${id}/members/${account}`, newId())
  }

  /** All texts of a message, the first one first. Staff. */
  async history(id: ConversationId, seq: number): Promise<HistoryItem[]> {
    const { items } = await this.api.get<{ items: HistoryItem[] }>(`conversations/${id}/messages/${seq}/history`)
    return items
  }

  /** One message, loaded or not; null: there is none at this seq. */
  async message(id: ConversationId, seq: number): Promise<Message | null> {
    const fold = this.signedIn.model.fold(id)
    const entry = fold.entries[fold.place(seq) ?? -1]
    if (entry !== undefined) return entry.kind === 'message' ? entry : null
    const { items } = await this.api.events(id, { after: seq - 1, limit: 1 })
    const event = items[0]
    return event?.kind === 'message' && event.seq === seq ? messageOf(event) : null
  }

  // Inside ------------------------------------------------------------------

  private get signedIn(): Account {
    const { account } = this.entrance
    if (account === null) throw new Error('Nobody is signed in.')
    return account
  }

  private emit<K extends keyof Events>(name: K, event: Events[K]): void {
    for (const listener of [...this.listeners[name]]) listener(event)
  }

  /** An observable that lasts while accounts come and go. */
  private relay<T>(without: T, of: (account: Account) => Observable<T>): Observable<T> {
    let source: Observable<T> | null = null
    let end: Unsubscribe = () => undefined
    const derived = new Derived(this.turn, () => source?.value ?? without)
    this.relayed.push((account) => {
      end()
      source = account === null ? null : of(account)
      end = source?.subscribe(() => derived.touch()) ?? (() => undefined)
      derived.touch()
    })
    return derived
  }
}
