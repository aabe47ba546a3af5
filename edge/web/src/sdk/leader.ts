/**
 * The tab that holds the connection and the outbox for all tabs of an account.
 *
 * Puts the pure parts together: what the session finds becomes changes, which are published to every tab; what tabs ask
 * for goes to the outbox, the markers, the company. Commands are stored before they get here.
 */
import type { Api } from './api'
import type { Ask, Wishes } from './ask'
import type { Bounds } from './backoff'
import type { Change } from './change'
import type { Codec } from './codec'
import { type Command, isHeld } from './command'
import { Company } from './company'
import type { Credentials } from './credentials'
import type { Environment } from './environment'
import type { ReadyFrame } from './frames'
import { Keeper, type Kept, type Standing } from './keeper'
import { Line } from './line'
import { Logs } from './log'
import { Markers } from './markers'
import { type Model, UNLIMITED } from './model'
import { Outbox, OutboxFull } from './outbox'
import { reload } from './reload'
import { type Effect, Session, type Timing, TIMING } from './session'
import type { Store } from './store'
import type { ConnectionState, ConversationId, Id, Limits } from './types'

/** Pages of the list that are read at most: beyond it conversations come as something happens in them. */
const LIST_PAGES = 10
const LIST_PAGE = 200

export interface LeaderParts {
  readonly environment: Environment
  readonly api: Api
  readonly credentials: Credentials
  readonly codec: Codec
  /** Name and version of the program, for the server's logs. */
  readonly client: string
  readonly model: Model
  readonly store: Store
  readonly bounds?: Bounds
  readonly timing?: Timing
  /** Tell all tabs. False: it is an event that does not follow what they know. */
  readonly publish: (change: Change) => boolean
  /** The server no longer takes our session; or it takes us for somebody else. */
  readonly onEnded: (why: 'expired' | 'stranger') => void
}

export class Leader {
  readonly logs: Logs
  private readonly parts: LeaderParts
  private readonly outbox: Outbox
  private readonly markers = new Markers()
  private readonly company = new Company()
  private readonly keeper: Keeper
  private readonly wishes = new Map<Id, Wishes>()
  private readonly looking = new Set<ConversationId>()
  private session: Session | null = null
  private line: Line | null = null
  private awayUntil: number | null = null
  private mended = false
  private listed = false
  private stopped = false

  /** `left`: commands of an earlier life, of which nobody knows what became. */
  constructor(parts: LeaderParts, left: readonly Command[]) {
    this.parts = parts
    const { model, environment, credentials } = parts
    this.outbox = new Outbox({ random: environment.random })
    this.logs = new Logs(model.epoch)
    const folds = [...model.folds.values()].sort((one, other) => (one.activeAt < other.activeAt ? -1 : 1))
    for (const { conversation, cursor, base } of folds) {
      if (base !== null && model.isMember(conversation)) this.logs.recall(conversation, cursor)
    }
    for (const command of left) if (command.state === 'queued' && !isHeld(command)) this.outbox.add(command.frame, true)
    this.keeper = new Keeper({
      environment,
      credentials,
      ...(parts.bounds === undefined ? {} : { bounds: parts.bounds }),
      connect: (token) => this.connect(token),
      tell: (standing) => this.stand(standing),
    })
  }

  async run(): Promise<void> {
    await this.keeper.run()
  }

  stop(): void {
    this.stopped = true
    this.keeper.stop()
    this.line?.close()
  }

  /** A tab was told of a conversation over HTTP: go on from there. */
  follow(conversation: ConversationId): void {
    const { cursor, base } = this.parts.model.fold(conversation)
    if (base !== null && (this.logs.get(conversation)?.base ?? null) === null) this.logs.recall(conversation, cursor)
  }

  /** It is worth trying at once: try, or find out whether the connection is still one. */
  wake(): void {
    this.keeper.wake()
    this.session?.hurry()
    this.line?.poke()
  }

  /** What a tab asks for. */
  take(ask: Ask, tab: Id): void {
    switch (ask.type) {
      case 'queue':
        this.queue(ask.command)
        break
      case 'drop':
        this.outbox.drop(ask.id)
        this.parts.publish({ type: 'dropped', id: ask.id })
        break
      case 'read':
      case 'delivered': {
        const { conversation, seq } = ask
        // The server goes no farther than the head either, and would be asked for ever.
        const reached = Math.min(seq, this.logs.get(conversation)?.head ?? seq)
        if (ask.type === 'read') this.parts.publish({ type: 'marked', conversation, seq: reached })
        this.markers.want(ask.type, conversation, reached)
        break
      }
      case 'typing':
        this.company.type(ask.conversation, ask.on, this.parts.environment.monotonic())
        break
      case 'wishes':
        this.wishes.set(tab, ask.wishes)
        this.wish()
        break
      case 'retry':
        this.wake()
    }
    this.line?.poke()
  }

  /** A tab is gone, and what it wished with it. */
  lost(tab: Id): void {
    this.wishes.delete(tab)
    this.wish()
    this.line?.poke()
  }

  private wish(): void {
    const all = [...this.wishes.values()]
    // By turns, so that each tab gets its most important ones.
    const longest = Math.max(0, ...all.map(({ watch }) => watch.length))
    const turns = Array.from({ length: longest }, (_, at) => all.map(({ watch }) => watch[at]))
    this.company.watch(turns.flat().filter((one) => one !== undefined))
    this.company.be(all.length === 0 || all.some(({ state }) => state === 'online') ? 'online' : 'away')
  }

  private queue(command: Command): void {
    this.parts.publish({ type: 'command', command })
    if (isHeld(command)) return // whoever sends its files asks again
    try {
      this.outbox.add(command.frame)
    } catch (fault) {
      if (!(fault instanceof OutboxFull)) throw fault
      const refusal = { code: 'outbox_full', message: '', field: null }
      this.parts.publish({ type: 'refused', id: command.id, refusal })
    }
    this.company.said(command.frame.conversation)
  }

  private async connect(token: string | null): Promise<Kept> {
    const { environment, codec, api, client, timing = TIMING } = this.parts
    const { logs, outbox, markers, company } = this
    const now = environment.monotonic()
    const session = new Session({ logs, outbox, markers, company }, now, timing)
    const hello = session.hello(token, client, now)
    this.awayUntil = null
    this.mended = false
    this.session = session
    this.line = new Line({ environment, url: api.url, codec, session, outbox, hello, act: (effects) => this.act(effects) })
    const end = await this.line.ended
    this.session = this.line = null
    const awayMs = this.awayUntil === null ? null : Math.max(0, this.awayUntil - environment.monotonic())
    return { ...end, awayMs, mended: this.mended }
  }

  private act(effects: readonly Effect[]): void {
    for (const effect of effects) this.one(effect)
    this.look()
  }

  private one(effect: Effect): void {
    const { publish, model, environment, store } = this.parts
    switch (effect.type) {
      case 'ready':
        this.ready(effect.frame)
        break
      case 'applied': {
        const { event, live } = effect
        if (!publish({ type: 'event', event, live })) {
          this.logs.open(event.conversation).doubt()
          this.reload(event.conversation)
          break
        }
        if (event.kind === 'message' && event.actor !== model.me) {
          this.markers.want('delivered', event.conversation, event.seq)
        }
        if (model.fold(event.conversation).subject === '') void this.learn(event.conversation)
        break
      }
      case 'heard':
        publish({ type: 'heard', frame: effect.frame })
        break
      case 'left':
        publish({ type: 'left', conversation: effect.conversation })
        break
      case 'acked':
        publish({ type: 'acked', id: effect.id, seq: effect.seq })
        void store.drop(effect.id)
        break
      case 'refused': {
        publish({ type: 'refused', id: effect.id, refusal: effect.refusal })
        const command = model.commands.get(effect.id)
        if (command !== undefined) void store.keep(command)
        break
      }
      case 'reload':
        this.reload(effect.conversation)
        break
      case 'bye':
        this.awayUntil = environment.monotonic() + effect.reconnectAfter * 1000
        break
      case 'complaint':
        // Said before ready and with a field, it means our hello, not us.
        this.mended ||= effect.field !== null && this.session?.phase === 'greeting'
        break
      case 'caught_up':
        break
    }
  }

  private ready(frame: Extract<Effect, { type: 'ready' }>['frame']): void {
    const { model, publish, onEnded } = this.parts
    if (frame.account.id !== model.me) {
      this.stop()
      onEnded('stranger')
      return
    }
    this.dated()
    for (const { id, head, read } of frame.conversations) {
      // Read here while there was no connection: the server has yet to hear of it.
      const here = Math.min(model.folds.get(id)?.read ?? 0, head)
      if (here > read) this.markers.want('read', id, here)
    }
    if (frame.limits !== undefined) publish({ type: 'limits', limits: limitsOf(frame.limits) })
    publish({ type: 'heads', items: frame.conversations })
    const unknown = frame.conversations.some(({ id }) => model.fold(id).subject === '')
    if (!this.listed || unknown) void this.list()
  }

  private reload(conversation: ConversationId | null): void {
    const { api, environment, publish } = this.parts
    const parts = {
      api,
      logs: this.logs,
      random: environment.random,
      pause: (ms: number) => this.keeper.pause(ms),
      publish,
      done: (one: ConversationId) => {
        this.session?.reloaded(one)
        this.line?.poke()
      },
    }
    void reload(parts, conversation).then(() => {
      this.dated()
      this.look()
    })
  }

  /** Say what the cursors are worth, where that is new. */
  private dated(): void {
    const { epoch } = this.logs
    if (epoch !== null && epoch !== this.parts.model.epoch) this.parts.publish({ type: 'epoch', epoch })
  }

  /** Read the list: subjects and last messages of what the log alone does not tell. */
  private async list(): Promise<void> {
    const { api, publish } = this.parts
    for (let attempt = 0; !this.stopped; attempt += 1) {
      try {
        let after: string | null = null
        for (let page = 0; page < LIST_PAGES; page += 1) {
          const { items, next }: Awaited<ReturnType<Api['conversations']>> = await api.conversations(LIST_PAGE, after)
          publish({ type: 'listed', items })
          for (const { id } of items) this.follow(id)
          this.listed = true
          if (next === null) return
          after = next
        }
        return
      } catch {
        // Without a connection nobody misses it: it is read again after `ready`.
        if (this.session === null || !(await this.keeper.pause(1_000 * 2 ** Math.min(attempt, 5)))) return
      }
    }
  }

  /** What a conversation is that nobody told us of before. Without an answer the next event asks again. */
  private async learn(conversation: ConversationId): Promise<void> {
    if (this.looking.has(conversation)) return
    this.looking.add(conversation)
    try {
      // Its events are known from the one on that was heard.
      this.parts.publish({ type: 'details', details: await this.parts.api.conversation(conversation) })
    } catch {
      // Refused: we were a member for a moment only. No answer: as said above.
    } finally {
      this.looking.delete(conversation)
    }
  }

  private stand(standing: Standing): void {
    const { environment, onEnded } = this.parts
    if (standing.phase === 'connecting') this.tell('connecting', null, null)
    else if (standing.phase === 'offline') this.tell('offline', environment.now() + standing.waitMs, standing.reason)
    else {
      this.tell('stopped', null, standing.reason)
      if (standing.reason === 'unauthenticated') onEnded('expired')
    }
  }

  /** How far we are, as far as the session knows. */
  private look(): void {
    const { session } = this
    if (session === null || session.phase === 'greeting') return
    this.tell(session.caughtUp ? 'live' : 'catching-up', null, null)
  }

  private tell(phase: ConnectionState['phase'], retryAt: number | null, reason: string | null): void {
    if (this.stopped && phase !== 'stopped') return
    const before = this.parts.model.connection.value
    const stale = this.session === null ? before.stale : new Set(this.session.missing)
    const same = before.phase === phase
    if (same && before.retryAt === retryAt && before.reason === reason && sameSet(before.stale, stale)) return
    const now = this.parts.environment.now()
    const currentAt = phase === 'live' || before.phase === 'live' ? now : before.currentAt
    const state = { phase, since: same ? before.since : now, currentAt, retryAt, reason, stale }
    this.parts.publish({ type: 'connection', state })
  }
}

function sameSet<T>(one: ReadonlySet<T>, other: ReadonlySet<T>): boolean {
  return one.size === other.size && [...one].every((item) => other.has(item))
}

function limitsOf({ file, attachments }: NonNullable<ReadyFrame['limits']>): Limits {
  return { file: file ?? UNLIMITED.file, attachments: attachments ?? UNLIMITED.attachments }
}
