/**
 * One account in one tab: what it knows, where that is stored, and the way to whoever leads.
 * What a tab does shows at once in its own model, is stored, and then goes to the leader: itself, or another tab.
 */
import type { Api, ConversationAnswer } from './api'
import type { Ask, Wishes } from './ask'
import { Attaching } from './attaching'
import type { Bounds } from './backoff'
import type { Change } from './change'
import type { Codec } from './codec'
import { type Command, isHeld } from './command'
import type { Credentials } from './credentials'
import { Directory, personOf } from './directory'
import { Drafts } from './drafts'
import type { Environment } from './environment'
import type { CommandFrame } from './frames'
import { newId } from './ids'
import { Leader } from './leader'
import { Model } from './model'
import type { Turn } from './observable'
import { Receiver, Sender, snapshotOf } from './relay'
import type { Timing } from './session'
import { Shared } from './shared'
import { type Memory, type Store, STORED_ENTRIES } from './store'
import type { Said, Tabs } from './tabs'
import type { CommandId, ConversationId, Id, Notice, Person, Unsubscribe } from './types'
import { lazyTus, Uploads } from './uploads'

/** What arrives within this time is stored in one go. */
export const FLUSH_MS = 1_000

export interface AccountParts {
  readonly person: Person
  readonly environment: Environment
  readonly api: Api
  readonly credentials: Credentials
  readonly codec: Codec
  readonly client: string
  readonly tabs: Tabs
  readonly store: Store
  readonly turn: Turn
  readonly bounds?: Bounds
  readonly timing?: Timing
  readonly onNotice: (notice: Notice) => void
  readonly onRefused: (id: CommandId) => void
  readonly onEnded: (why: 'expired' | 'stranger') => void
}

export class Account {
  readonly model: Model
  readonly directory: Directory
  readonly drafts: Drafts
  readonly uploads: Uploads
  readonly attaching: Attaching
  readonly parts: AccountParts
  private readonly sender: Sender
  private readonly receiver = new Receiver()
  private readonly dirty = new Set<ConversationId>()
  /** Commands that were made in this tab. */
  private readonly mine = new Set<CommandId>()
  /** Those of them that are being stored just now. */
  private readonly storing = new Set<CommandId>()
  private readonly open = new Map<ConversationId, number>()
  private readonly reading = new Shared<ConversationId, void>()
  private readonly ends: Unsubscribe[] = []
  private listWatch: readonly ConversationId[] = []
  private sitting: Wishes['state'] = 'online'
  private leader: Leader | null = null
  private leading = false
  /** What was asked for while the leader was getting ready. */
  private early: { ask: Ask; tab: Id }[] = []
  private stored: Promise<void> = Promise.resolve()
  private flushTimer: ReturnType<typeof setTimeout> | undefined
  private typingTimer: ReturnType<typeof setTimeout> | undefined
  private connected = false
  private over = false

  constructor(parts: AccountParts) {
    const { person, turn, environment, api, store, tabs } = parts
    this.parts = parts
    this.model = new Model(person.id, turn)
    this.sender = new Sender(person.id)
    this.directory = new Directory(turn, environment.now, api, (people, projects) => void store.learn(people, projects))
    this.uploads = new Uploads({ ...parts, tus: lazyTus(api, environment), tab: tabs.id, onEnd: (upload) => this.attaching.ended(upload) })
    this.attaching = new Attaching({
      ...parts, uploads: this.uploads, model: this.model, entrust: (command) => this.entrust(command), drop: (id) => this.drop(id),
    })
    this.drafts = new Drafts(turn, (conversation, draft) => {
      void store.saveDraft(conversation, draft)
      tabs.say({ type: 'draft', account: person.id, conversation, draft })
    })
  }

  /** Show what was stored, then find out who leads. */
  begin({ epoch, folds, commands, drafts, people, projects }: Memory): void {
    const { person, environment, tabs } = this.parts
    this.directory.recall([...people, person], projects)
    for (const [conversation, draft] of drafts) this.drafts.heard(conversation, draft)
    this.model.restore(epoch, folds, commands)
    this.model.onDirty = (conversation) => this.soil(conversation)
    this.greet()
    this.ends.push(
      tabs.lead(person.id, () => void this.lead()),
      this.model.connection.subscribe(() => this.returned()),
      environment.onWake(() => this.retryNow()),
      environment.onLeave(() => this.flush()),
    )
  }

  /** Leave everything as it is, for the next time. */
  close(): void {
    if (this.over) return
    this.flush()
    this.over = true
    for (const end of this.ends) end()
    this.uploads.close()
    this.leader?.stop()
    clearTimeout(this.typingTimer)
  }

  /** Say, edit, delete, react: shown at once, stored, then sent. */
  command(frame: CommandFrame): CommandId {
    void this.entrust({
      id: frame.id, frame, madeAt: this.parts.environment.now(), state: 'queued', refusal: null, seq: null, kept: true,
    })
    return frame.id
  }

  /** Try a refused command again, under its own id: if it was stored after all, it is not stored twice. */
  retry(id: CommandId): void {
    const command = this.model.commands.get(id)
    if (command?.state !== 'refused') return
    if (command.refusal?.code === 'id_conflict') {
      this.discard(id) // the id is another command's for ever
      this.command({ ...command.frame, id: newId() })
    } else {
      this.attaching.retry(command)
    }
  }

  /** It is worth trying at once. */
  retryNow(): void {
    this.ask({ type: 'retry' })
    this.uploads.hurry()
  }

  /** Forget a refused command, or one that waits for its files. */
  discard(id: CommandId): void {
    const command = this.model.commands.get(id)
    if (command === undefined || (command.state !== 'refused' && !isHeld(command))) return
    this.attaching.discard(command)
    this.drop(id)
  }

  private drop(id: CommandId): void {
    this.absorb({ type: 'dropped', id })
    void this.parts.store.drop(id)
    this.ask({ type: 'drop', id })
  }

  /** Have it done by whoever leads. */
  ask(ask: Ask): void {
    if (this.leader !== null) this.leader.take(ask, this.parts.tabs.id)
    else if (this.leading) this.early.push({ ask, tab: this.parts.tabs.id })
    else this.parts.tabs.say({ type: 'ask', account: this.model.me, ask })
  }

  /** Learned over HTTP in this tab. */
  learned(details: ConversationAnswer): void {
    this.publish({ type: 'details', details })
    this.leader?.follow(details.id)
  }

  /** It is on screen: all of it is kept, and its members' presence is told. */
  hold(conversation: ConversationId): Unsubscribe {
    const count = this.open.get(conversation) ?? 0
    this.open.delete(conversation)
    this.open.set(conversation, count + 1) // the last one opened is last
    if (count === 0) this.model.hold(conversation, true)
    this.wish()
    return () => {
      const left = this.open.get(conversation)! - 1
      if (left > 0) this.open.set(conversation, left)
      else {
        this.open.delete(conversation)
        this.model.hold(conversation, false)
      }
      this.wish()
    }
  }

  watch(conversations: readonly ConversationId[]): void {
    this.listWatch = conversations
    this.wish()
  }

  be(state: Wishes['state']): void {
    this.sitting = state
    this.wish()
  }

  /** Read the conversation's members and markers: those that were missed are not told again. Who asks meanwhile gets the same answer. */
  details(conversation: ConversationId): Promise<void> {
    return this.reading.of(conversation, async () => this.learned(await this.parts.api.conversation(conversation)))
  }

  /** Another tab says something. */
  hear(said: Said, from: Id): void {
    if (this.over || said.type === 'session' || ('account' in said && said.account !== this.model.me)) return
    switch (said.type) {
      case 'hello':
        if (this.leader !== null) this.welcome(from, new Map(said.cursors))
        break
      case 'welcome':
        if (said.to !== this.parts.tabs.id || this.leading) break
        this.receiver.welcomed(said.term, said.next)
        this.model.copy(said.snapshot, this.parts.environment.monotonic())
        break
      case 'changes':
        if (!this.leading) this.follow(said)
        break
      case 'leading':
        this.greet()
        this.wish()
        for (const id of this.mine) {
          const command = this.model.commands.get(id)
          if (command?.state === 'queued' && !this.storing.has(id)) this.ask({ type: 'queue', command })
        }
        break
      case 'ask':
        if (this.leader !== null) this.leader.take(said.ask, from)
        else if (this.leading) this.early.push({ ask: said.ask, tab: from })
        break
      case 'draft':
        this.drafts.heard(said.conversation, said.draft)
    }
  }

  /** Store what is not stored yet: the page may be gone in a moment. */
  flush(): void {
    this.drafts.flush()
    clearTimeout(this.flushTimer)
    this.flushTimer = undefined
    if (this.leading && !this.over) {
      const { store } = this.parts
      const folds = [...this.dirty].map((id) => this.model.folds.get(id)).filter((fold) => fold !== undefined)
      const members = folds.filter((fold) => fold.base !== null && this.model.isMember(fold.conversation))
      if (members.length > 0) void store.saveFolds(members.map((fold) => fold.stored(STORED_ENTRIES)), this.model.epoch)
      for (const id of this.dirty) {
        if (!this.model.isMember(id) || !this.model.folds.has(id)) void store.forget(id)
      }
    }
    this.dirty.clear()
  }

  private entrust(command: Command): Promise<void> {
    this.mine.add(command.id)
    this.storing.add(command.id)
    this.absorb({ type: 'command', command })
    this.stored = this.stored.then(async () => {
      const kept = await this.parts.store.keep(command)
      this.storing.delete(command.id)
      if (this.over) return
      const known = { ...command, kept }
      if (!kept) this.absorb({ type: 'command', command: known })
      this.ask({ type: 'queue', command: known })
    })
    return this.stored
  }

  private async lead(): Promise<void> {
    this.leading = true
    this.receiver.lost()
    const kept = await this.parts.store.commands()
    if (this.over) return
    const known = new Set(kept.map(({ id }) => id))
    const unkept = [...this.model.commands.values()].filter(({ id }) => !known.has(id))
    for (const command of kept) if (!this.model.commands.has(command.id)) this.absorb({ type: 'command', command })
    this.leader = new Leader({ ...this.parts, model: this.model, publish: (change) => this.publish(change) }, [
      ...kept,
      // What is being stored just now is asked for in a moment.
      ...unkept.filter(({ id }) => !this.storing.has(id)),
    ])
    for (const id of this.model.folds.keys()) this.soil(id)
    this.wish()
    for (const { ask, tab } of this.early) this.leader.take(ask, tab)
    this.early = []
    this.parts.tabs.say({ type: 'leading', account: this.model.me })
    void this.adopt(null)
    await this.leader.run()
  }

  /** Send the files that a tab left when it went; null: those of all that are gone. */
  private async adopt(gone: Id | null): Promise<void> {
    const { store, tabs } = this.parts
    const kept = await store.uploads()
    if (this.over) return
    this.attaching.adopt(kept, gone ?? tabs.id)
    if (gone === null) for (const tab of new Set(kept.map(({ upload }) => upload.tab))) if (tab !== tabs.id) tabs.outlive(tab, () => void this.adopt(tab))
  }

  private greet(): void {
    const cursors = [...this.model.folds.values()].map((fold) => [fold.conversation, fold.cursor] as const)
    this.parts.tabs.say({ type: 'hello', account: this.model.me, cursors })
    this.wish()
  }

  private welcome(tab: Id, cursors: ReadonlyMap<ConversationId, number>): void {
    this.relay()
    if (this.sender.greeted(tab)) {
      this.parts.tabs.outlive(tab, () => {
        this.sender.lost(tab)
        this.leader?.lost(tab)
        void this.adopt(tab)
      })
    }
    this.parts.tabs.say(this.sender.welcome(tab, snapshotOf(this.model, cursors)))
  }

  private follow({ term, first, changes }: Extract<Said, { type: 'changes' }>): void {
    const fresh = this.receiver.take(term, first, changes)
    if (fresh === null) this.greet()
    for (const change of fresh ?? []) {
      if (this.absorb(change)) continue
      this.receiver.lost()
      this.greet()
      return
    }
  }

  /** Something became true: here, and in every tab where this one leads. */
  private publish(change: Change): boolean {
    const follows = this.absorb(change)
    if (this.sender.add(change)) queueMicrotask(() => this.relay())
    return follows
  }

  private relay(): void {
    const said = this.sender.flush()
    if (said !== null && !this.over) this.parts.tabs.say(said)
  }

  private absorb(change: Change): boolean {
    if (this.over) return true
    const now = this.parts.environment.monotonic()
    const fresh = change.type === 'event' && this.model.fold(change.event.conversation).cursor < change.event.seq
    const follows = this.model.apply(change, now)
    if (change.type === 'event' && fresh && follows) this.notify(change)
    if (change.type === 'details') {
      for (const { account: id, name, role } of change.details.members) {
        if (!this.directory.people.has(id)) this.directory.people.learn(personOf({ id, name, role, email: null }), true)
      }
    }
    if (change.type === 'heard') this.forgetTypists(now)
    if (change.type === 'refused' && this.mine.has(change.id)) this.parts.onRefused(change.id)
    return follows
  }

  private notify({ event, live }: Extract<Change, { type: 'event' }>): void {
    if (event.kind !== 'message' || event.actor === this.model.me || event.deleted_at !== undefined) return
    const { conversation, seq } = event
    const fold = this.model.fold(conversation)
    const message = fold.entries[fold.place(seq) ?? -1]
    if (message?.kind !== 'message') return
    const mentioned = message.mentions.includes(this.model.me)
    this.parts.onNotice({ conversation, message, live, mentioned, primary: this.leading })
  }

  private forgetTypists(now: number): void {
    const at = this.model.typists.wake
    clearTimeout(this.typingTimer)
    if (at === null) return
    this.typingTimer = setTimeout(() => {
      const then = this.parts.environment.monotonic()
      this.model.forgetTypists(then)
      this.forgetTypists(then)
    }, Math.max(0, at - now))
  }

  private wish(): void {
    const watch = [...[...this.open.keys()].reverse(), ...this.listWatch]
    this.ask({ type: 'wishes', wishes: { watch, state: this.sitting } })
  }

  private soil(conversation: ConversationId): void {
    if (this.over) return
    this.dirty.add(conversation)
    this.flushTimer ??= setTimeout(() => this.flush(), FLUSH_MS)
  }

  /** Back from somewhere: receipts that were missed meanwhile are not told again. */
  private returned(): void {
    const { phase } = this.model.connection.value
    const connected = phase === 'live' || phase === 'catching-up'
    // Without an answer the next return asks again.
    if (connected && !this.connected) for (const one of this.open.keys()) this.details(one).catch(() => undefined)
    this.connected = connected
  }
}
