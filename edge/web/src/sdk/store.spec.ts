// @vitest-environment node
import 'fake-indexeddb/auto'
import { IDBFactory } from 'fake-indexeddb'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Command } from './command'
import { deleteDatabase, openDatabase } from './database'
import { Device } from './device'
import { Fold } from './fold'
import { IndexedStore, MemoryStore, STORED_CONVERSATIONS } from './store'
import { Suspension } from './suspension'
import type { Draft, Person } from './types'

const ANN: Person = { id: 'ann', name: 'Ann', role: 'agent', email: null }
const DRAFT: Draft = { body: 'half', replyTo: null, editing: null, mentions: [] }

let factory: IDBFactory
beforeEach(() => {
  factory = new IDBFactory()
})

const command = (id: string, more: Partial<Command> = {}): Command => ({
  id, frame: { type: 'send', id, conversation: 'talk', body: id }, madeAt: 1, state: 'queued', refusal: null, seq: null,
  kept: true, ...more,
})
const fold = (id: string, activeAt = ''): ReturnType<Fold['stored']> => ({ ...new Fold(id, 3).stored(10), activeAt })

/** What a full disk does to the next `times` transactions that write. */
function fill(times: number, name = 'QuotaExceededError'): void {
  const put = vi.spyOn(IDBObjectStore.prototype, 'put')
  for (let time = 0; time < times; time += 1) {
    put.mockImplementationOnce(() => {
      throw new DOMException('full', name)
    })
  }
}

describe('what is stored', () => {
  it('is there for the next page, commands in the order they were given', async () => {
    const store = await IndexedStore.open(factory, 'db')
    expect(await store.recall()).toEqual({ epoch: null, folds: [], commands: [], drafts: [], people: [], projects: [] })
    await store.saveFolds([fold('talk')], 'e1')
    for (const id of ['b', 'a', 'c']) expect(await store.keep(command(id))).toBe(true)
    await store.keep(command('a', { state: 'refused' }))
    await store.drop('b')
    await store.drop('unknown')
    await store.saveDraft('talk', DRAFT)
    await store.saveDraft('aside', DRAFT)
    await store.saveDraft('aside', null)
    await store.learn([ANN], [{ id: 'p', name: 'Roof', members: 2 }])
    store.close()
    const again = await IndexedStore.open(factory, 'db')
    expect(await again.recall()).toEqual({
      epoch: 'e1',
      folds: [fold('talk')],
      commands: [command('a', { state: 'refused' }), command('c')],
      drafts: [['talk', DRAFT]],
      people: [ANN],
      projects: [{ id: 'p', name: 'Roof', members: 2 }],
    })
    expect(await again.commands()).toEqual([command('a', { state: 'refused' }), command('c')])
    await again.forget('talk')
    expect((await again.recall()).folds).toEqual([])
    expect(again.state).toEqual({ kind: 'stored', trouble: null })
  })

  it('is the history of the last active conversations, no more', async () => {
    const store = await IndexedStore.open(factory, 'db')
    const folds = Array.from({ length: STORED_CONVERSATIONS + 5 }, (_, n) => fold(`c${n}`, `${1_000 + n}`))
    await store.saveFolds(folds, 'e')
    const kept = (await store.recall()).folds.map(({ id }) => id)
    expect(kept).toHaveLength(STORED_CONVERSATIONS)
    expect(kept).not.toContain('c4')
    expect(kept).toContain('c5')
  })

  it('makes room for commands where the disk is full', async () => {
    const trouble = vi.fn()
    const store = await IndexedStore.open(factory, 'db', trouble)
    await store.saveFolds([fold('old', '1'), fold('new', '2')], 'e')
    fill(1)
    expect(await store.keep(command('a'))).toBe(true)
    expect((await store.recall()).folds.map(({ id }) => id)).toEqual(['new'])
    expect(trouble).not.toHaveBeenCalled()
  })

  it('says when it cannot be, and when it can again', async () => {
    const trouble = vi.fn()
    const store = await IndexedStore.open(factory, 'db', trouble)
    fill(4)
    expect(await store.keep(command('a'))).toBe(false)
    expect(await store.keep(command('b'))).toBe(false)
    expect(store.state.trouble).toBe('quota')
    expect(trouble).toHaveBeenCalledTimes(1)
    expect(await store.keep(command('c'))).toBe(true)
    expect(store.state.trouble).toBeNull()
    fill(1, 'UnknownError')
    await store.saveDraft('talk', DRAFT)
    expect(store.state.trouble).toBe('unavailable')
    store.close()
    expect(await store.commands()).toEqual([])
  })

  it('keeps files on their way until they have arrived, the content apart', async () => {
    const store = await IndexedStore.open(factory, 'db')
    const upload = { id: 'u', conversation: 'talk', message: null, tab: 't', name: 'a.txt', type: 'text/plain', size: 3, file: null, phase: 'open' } as const
    expect(await store.keepUpload(upload, new Blob(['abc']))).toBe(true)
    await store.keepUpload({ ...upload, file: 'f' })
    const [kept] = await store.uploads()
    expect(kept!.upload.file).toBe('f')
    expect(await kept!.content!.text()).toBe('abc')
    await store.keepUpload({ ...upload, phase: 'done' }, null)
    expect((await store.uploads()).map(({ content }) => content)).toEqual([null])
    await store.dropUpload('u')
    expect(await store.uploads()).toEqual([])
    store.close()
  })

  it('of the version before files is kept, and has room for them', async () => {
    const before = await openDatabase<never>(factory, 'db', 1, {
      upgrade: (db) => {
        db.createObjectStore('conversations', { keyPath: 'id' })
        db.createObjectStore('outbox', { keyPath: 'n', autoIncrement: true }).createIndex('id', 'id', { unique: true })
        for (const name of ['drafts', 'meta']) db.createObjectStore(name)
        for (const name of ['people', 'projects']) db.createObjectStore(name, { keyPath: 'id' })
      },
      suspension: new Suspension(),
    })
    before.close()
    const store = await IndexedStore.open(factory, 'db')
    expect(await store.uploads()).toEqual([])
    expect((await store.recall()).commands).toEqual([])
    store.close()
  })

  it('is nothing in memory, and that is said', async () => {
    const store = new MemoryStore('unavailable')
    expect(store.state).toEqual({ kind: 'memory', trouble: 'unavailable' })
    expect(await store.keep()).toBe(false)
    for (const done of [store.saveFolds(), store.forget(), store.drop(), store.saveDraft(), store.learn()]) await done
    expect(await store.keepUpload()).toBe(false)
    await store.dropUpload()
    expect(await store.uploads()).toEqual([])
    store.close()
    expect(await store.commands()).toEqual([])
    expect(await store.recall()).toMatchObject({ epoch: null, folds: [] })
  })
})

describe('a database', () => {
  it('of a newer version does not open, and an older tab does not stand in the way of one', async () => {
    const store = await IndexedStore.open(factory, 'db')
    const newer = await openDatabase(factory, 'db', 3, { upgrade: (_, from) => expect(from).toBe(2), suspension: new Suspension() })
    expect(await store.commands()).toEqual([]) // closed: it stepped aside
    newer.close()
    await expect(IndexedStore.open(factory, 'db')).rejects.toMatchObject({ name: 'VersionError' })
    await deleteDatabase(factory, 'db')
    expect((await factory.databases()).length).toBe(0)
  })

  it('whose upgrade knows the version already is left as it is', async () => {
    ;(await openDatabase(factory, 'db', 0.5 + 0.5, { upgrade: (db) => void db.createObjectStore('meta'), suspension: new Suspension() })).close()
    await expect(IndexedStore.open(factory, 'db').then((store) => store.recall())).rejects.toBeInstanceOf(DOMException)
  })
})

describe('a page that is put aside', () => {
  let turn: (suspended: boolean) => void
  const suspension = () => new Suspension((listener) => ((turn = listener), () => undefined))
  const opened = () => IndexedStore.open(factory, 'db', undefined, suspension())

  it('leaves no transaction open, and does again what they were for when it is back', async () => {
    const store = await opened()
    const [saved, kept, read] = [store.saveFolds([fold('talk')], 'e1'), store.keep(command('a')), store.recall()]
    turn(true)
    turn(true)
    const other = await IndexedStore.open(factory, 'db')
    // This would wait for the first page's transactions.
    expect(await other.recall()).toMatchObject({ folds: [], commands: [] })
    turn(false)
    await saved
    expect(await kept).toBe(true)
    await read
    expect(await other.recall()).toMatchObject({ epoch: 'e1', folds: [fold('talk')], commands: [command('a')] })
    expect(store.state.trouble).toBeNull()
  })

  it('begins none before it is back, not in the midst of anything either', async () => {
    const store = await opened()
    turn(true)
    const draft = store.saveDraft('talk', DRAFT)
    const other = await IndexedStore.open(factory, 'db')
    expect((await other.recall()).drafts).toEqual([])
    turn(false)
    await draft
    expect((await other.recall()).drafts).toEqual([['talk', DRAFT]])
    const db = await openDatabase<{ meta: { key: string; value: string } }>(factory, 'db', 2, { upgrade: () => undefined, suspension: suspension() })
    turn(true)
    expect(() => db.transaction('meta')).toThrow('put aside')
  })
})

describe('a device', () => {
  it('remembers who was there last, until it is told to forget', async () => {
    const device = new Device(factory, 'host')
    expect(await device.last()).toBeNull()
    await device.remember(ANN)
    expect(await device.last()).toEqual(ANN)
    ;(await IndexedStore.open(factory, device.database('ann'))).close()
    await device.erase('ann')
    expect(await device.last()).toBeNull()
    expect((await factory.databases()).map(({ name }) => name)).toEqual(['parley:host'])
  })

  it('remembers nobody where nothing can be stored', async () => {
    const bare = new Device(undefined, 'host')
    await bare.remember(ANN)
    await bare.erase('ann')
    expect(await bare.last()).toBeNull()
    const refusing = Object.create(factory) as IDBFactory
    refusing.open = () => {
      throw new DOMException('private', 'SecurityError')
    }
    const device = new Device(refusing, 'host')
    await device.remember(ANN)
    expect(await device.last()).toBeNull()
  })
})
