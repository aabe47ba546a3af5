/**
 * What survives a closed tab: unsent commands, recent history, drafts, who is who. One database for each account.
 *
 * The outbox is worth more than the history: where the quota is used up, history makes room for it. A store that cannot
 * be opened (a private window) is replaced by one in memory, which keeps nothing and says so.
 */
import type { DBSchema, IDBPDatabase } from 'idb'
import type { Command } from './command'
import { openDatabase } from './database'
import type { StoredFold } from './fold'
import { Suspension } from './suspension'
import type { AccountId, CommandId, ConversationId, Draft, Id, Person, Project, StorageState, UploadId } from './types'
import type { StoredUpload } from './uploads'

const VERSION = 2
/** Conversations whose recent history is stored, the last active ones. */
export const STORED_CONVERSATIONS = 200
/** Entries that are stored of each. */
export const STORED_ENTRIES = 200

/** All that was stored, read once at the start. */
export interface Memory {
  readonly epoch: string | null
  readonly folds: readonly StoredFold[]
  readonly commands: readonly Command[]
  readonly drafts: readonly (readonly [ConversationId, Draft])[]
  readonly people: readonly Person[]
  readonly projects: readonly Project[]
}

export interface Store {
  readonly state: StorageState
  recall(): Promise<Memory>
  /** The outbox as it is now: other tabs put commands into it, too. */
  commands(): Promise<readonly Command[]>
  /** Replace what is stored of these conversations; the cursors in them are worth `epoch`. */
  saveFolds(folds: readonly StoredFold[], epoch: string | null): Promise<void>
  forget(conversation: ConversationId): Promise<void>
  /** Put a command behind the others, or replace it where it stands. False: it could not be stored. */
  keep(command: Command): Promise<boolean>
  drop(id: CommandId): Promise<void>
  saveDraft(conversation: ConversationId, draft: Draft | null): Promise<void>
  learn(people: readonly Person[], projects: readonly Project[]): Promise<void>
  /** Files on their way, with what is to be sent of them. */
  uploads(): Promise<readonly KeptUpload[]>
  /** `content`: to keep with it; null: it is not needed any more; left out: as it was. False: it could not be stored. */
  keepUpload(upload: StoredUpload, content?: Blob | null): Promise<boolean>
  dropUpload(id: UploadId): Promise<void>
  close(): void
}

/** An upload as it was stored; without `content` there is nothing to send any more. */
export interface KeptUpload {
  readonly upload: StoredUpload
  readonly content: Blob | null
}

interface StoredCommand extends Command {
  /** The order in which they were given, over all tabs. */
  n?: number
}

interface Schema extends DBSchema {
  conversations: { key: ConversationId; value: StoredFold }
  outbox: { key: number; value: StoredCommand; indexes: { id: CommandId } }
  drafts: { key: ConversationId; value: Draft }
  people: { key: AccountId; value: Person }
  projects: { key: Id; value: Project }
  meta: { key: string; value: string | null }
  uploads: { key: UploadId; value: StoredUpload }
  /** Apart from what is told of them, which is written often. */
  contents: { key: UploadId; value: Blob }
}

const EMPTY: Memory = { epoch: null, folds: [], commands: [], drafts: [], people: [], projects: [] }

export class MemoryStore implements Store {
  readonly state: StorageState

  constructor(trouble: StorageState['trouble'] = null) {
    this.state = { kind: 'memory', trouble }
  }

  recall = (): Promise<Memory> => Promise.resolve(EMPTY)
  commands = (): Promise<readonly Command[]> => Promise.resolve([])
  saveFolds = (): Promise<void> => Promise.resolve()
  forget = (): Promise<void> => Promise.resolve()
  keep = (): Promise<boolean> => Promise.resolve(false)
  drop = (): Promise<void> => Promise.resolve()
  saveDraft = (): Promise<void> => Promise.resolve()
  learn = (): Promise<void> => Promise.resolve()
  uploads = (): Promise<readonly KeptUpload[]> => Promise.resolve([])
  keepUpload = (): Promise<boolean> => Promise.resolve(false)
  dropUpload = (): Promise<void> => Promise.resolve()
  close = (): void => undefined
}

export class IndexedStore implements Store {
  state: StorageState = { kind: 'stored', trouble: null }
  private readonly db: IDBPDatabase<Schema>
  private readonly onTrouble: () => void
  private readonly suspension: Suspension

  private constructor(db: IDBPDatabase<Schema>, onTrouble: () => void, suspension: Suspension) {
    this.db = db
    this.suspension = suspension
    this.onTrouble = onTrouble
  }

  /** Open, or create, the database `name`. Raises what IndexedDB does where there is none. */
  static async open(factory: IDBFactory, name: string, onTrouble: () => void = () => undefined, suspension = new Suspension()): Promise<IndexedStore> {
    const upgrade = (db: IDBDatabase, from: number): void => {
      if (from < 2) {
        db.createObjectStore('uploads', { keyPath: 'id' })
        db.createObjectStore('contents')
      }
      if (from >= 1) return
      db.createObjectStore('conversations', { keyPath: 'id' })
      db.createObjectStore('outbox', { keyPath: 'n', autoIncrement: true }).createIndex('id', 'id', { unique: true })
      db.createObjectStore('drafts')
      db.createObjectStore('people', { keyPath: 'id' })
      db.createObjectStore('projects', { keyPath: 'id' })
      db.createObjectStore('meta')
    }
    return new IndexedStore(await openDatabase<Schema>(factory, name, VERSION, { upgrade, suspension }), onTrouble, suspension)
  }

  recall(): Promise<Memory> {
    return this.suspension.outlast(() => this.readAll())
  }

  private async readAll(): Promise<Memory> {
    const all = this.db.transaction(['conversations', 'outbox', 'drafts', 'people', 'projects', 'meta'])
    const [folds, commands, names, drafts, people, projects, epoch] = await Promise.all([
      all.objectStore('conversations').getAll(),
      all.objectStore('outbox').getAll(),
      all.objectStore('drafts').getAllKeys(),
      all.objectStore('drafts').getAll(),
      all.objectStore('people').getAll(),
      all.objectStore('projects').getAll(),
      all.objectStore('meta').get('epoch'),
    ])
    return {
      epoch: epoch ?? null,
      folds,
      commands: commands.map(unnumbered),
      drafts: names.map((name, at) => [name, drafts[at]!] as const),
      people,
      projects,
    }
  }

  async commands(): Promise<readonly Command[]> {
    let found: readonly StoredCommand[] = []
    await this.attempt(async () => {
      found = await this.db.getAll('outbox')
    })
    return found.map(unnumbered)
  }

  async saveFolds(folds: readonly StoredFold[], epoch: string | null): Promise<void> {
    await this.attempt(async () => {
      const write = this.db.transaction(['conversations', 'meta'], 'readwrite')
      const conversations = write.objectStore('conversations')
      const meta = write.objectStore('meta').put(epoch, 'epoch')
      await Promise.all([meta, ...folds.map((fold) => conversations.put(fold)), write.done])
      if ((await this.db.count('conversations')) > STORED_CONVERSATIONS) await this.evict(STORED_CONVERSATIONS)
    })
  }

  async forget(conversation: ConversationId): Promise<void> {
    await this.attempt(() => this.db.delete('conversations', conversation))
  }

  keep(command: Command): Promise<boolean> {
    return this.attempt(async () => {
      const write = this.db.transaction('outbox', 'readwrite')
      const n = await write.store.index('id').getKey(command.id)
      await Promise.all([write.store.put(n === undefined ? command : { ...command, n }), write.done])
    })
  }

  async drop(id: CommandId): Promise<void> {
    await this.attempt(async () => {
      const write = this.db.transaction('outbox', 'readwrite')
      const n = await write.store.index('id').getKey(id)
      await Promise.all([n === undefined ? null : write.store.delete(n), write.done])
    })
  }

  async saveDraft(conversation: ConversationId, draft: Draft | null): Promise<void> {
    await this.attempt(async () => {
      if (draft === null) await this.db.delete('drafts', conversation)
      else await this.db.put('drafts', draft, conversation)
    })
  }

  async learn(people: readonly Person[], projects: readonly Project[]): Promise<void> {
    await this.attempt(async () => {
      const write = this.db.transaction(['people', 'projects'], 'readwrite')
      const [who, what] = [write.objectStore('people'), write.objectStore('projects')]
      await Promise.all([...people.map((one) => who.put(one)), ...projects.map((one) => what.put(one)), write.done])
    })
  }

  async uploads(): Promise<readonly KeptUpload[]> {
    let found: readonly KeptUpload[] = []
    await this.attempt(async () => {
      const both = this.db.transaction(['uploads', 'contents'])
      const [uploads, names, contents] = await Promise.all([
        both.objectStore('uploads').getAll(),
        both.objectStore('contents').getAllKeys(),
        both.objectStore('contents').getAll(),
      ])
      const content = new Map(names.map((id, at) => [id, contents[at]!]))
      found = uploads.map((upload) => ({ upload, content: content.get(upload.id) ?? null }))
    })
    return found
  }

  keepUpload(upload: StoredUpload, content?: Blob | null): Promise<boolean> {
    return this.attempt(async () => {
      const write = this.db.transaction(['uploads', 'contents'], 'readwrite')
      const contents = write.objectStore('contents')
      await Promise.all([
        write.objectStore('uploads').put(upload),
        content === null ? contents.delete(upload.id) : content === undefined ? null : contents.put(content, upload.id),
        write.done,
      ])
    })
  }

  async dropUpload(id: UploadId): Promise<void> {
    await this.attempt(async () => {
      const write = this.db.transaction(['uploads', 'contents'], 'readwrite')
      await Promise.all([write.objectStore('uploads').delete(id), write.objectStore('contents').delete(id), write.done])
    })
  }

  close(): void {
    this.db.close()
  }

  /** Try; where the quota is used up, try again with half the history. False: it did not work. */
  private async attempt(work: () => Promise<unknown>): Promise<boolean> {
    try {
      try {
        await this.suspension.outlast(work)
      } catch (fault) {
        if (!isQuota(fault)) throw fault
        await this.suspension.outlast(async () => this.evict(Math.floor((await this.db.count('conversations')) / 2)))
        await this.suspension.outlast(work)
      }
      if (this.state.trouble !== null) this.turn(null)
      return true
    } catch (fault) {
      this.turn(isQuota(fault) ? 'quota' : 'unavailable')
      return false
    }
  }

  private turn(trouble: StorageState['trouble']): void {
    if (this.state.trouble === trouble) return
    this.state = { kind: 'stored', trouble }
    this.onTrouble()
  }

  /** Let go of all histories but the `count` last active. */
  private async evict(count: number): Promise<void> {
    const folds = await this.db.getAll('conversations')
    folds.sort((one, other) => other.activeAt.localeCompare(one.activeAt))
    const write = this.db.transaction('conversations', 'readwrite')
    await Promise.all([...folds.slice(count).map(({ id }) => write.store.delete(id)), write.done])
  }
}

function unnumbered({ n: _, ...command }: StoredCommand): Command {
  return command
}

function isQuota(fault: unknown): boolean {
  return fault instanceof Error && fault.name === 'QuotaExceededError'
}
