// @vitest-environment node
import { describe, expect, it, vi } from 'vitest'
import { ann, browser } from '../../tests/fakes/scene'
import { live, until } from '../../tests/fakes/browser'
import type { Message } from './types'
import { AT_ONCE, MOST } from './uploads'

const file = (name: string, text = 'content') => Object.assign(new Blob([text], { type: 'text/plain' }), { name })
/** One that waits until it is let go. */
function held(method: string): () => void {
  let go: () => void = () => undefined
  browser.server.files.holds.set(method, new Promise((resolve) => (go = resolve)))
  return () => {
    browser.server.files.holds.delete(method)
    go()
  }
}
const phases = (parley: Awaited<ReturnType<typeof ann>>['tab']['parley']) => [...parley.uploads.all.value.values()].map(({ phase }) => phase)

describe('files on their way', () => {
  it('are sent at once, and with the message that is sent then', async () => {
    const { tab: { parley }, open } = await ann()
    const id = parley.uploads.add('talk', file('plan.txt'))!
    await until(() => expect(parley.uploads.all.value.get(id)).toMatchObject({ phase: 'done', sent: 7, kept: true, message: null }))
    open.send('see', { uploads: [id] })
    await until(() => expect(open.timeline.value.entries.at(-1)).toMatchObject({ body: 'see', attachments: [{ id: 'file-1', name: 'plan.txt', state: 'scanning', reason: null }] }))
    expect(browser.server.said('send')[0]).toMatchObject({ attachments: ['file-1'] })
    expect(browser.server.files.text('file-1')).toBe('content')
    await until(() => expect(parley.uploads.all.value.size).toBe(0))
  })

  it('hold their message until they have arrived, and no other', async () => {
    const { tab: { parley }, open } = await ann()
    const go = held('PATCH')
    const ids = [parley.uploads.add('talk', file('one'))!, parley.uploads.add('talk', file('two'))!]
    open.send('', { uploads: ids })
    await until(() => expect(open.timeline.value.outgoing[0]?.files).toMatchObject([{ file: null, name: 'one' }, { file: null, name: 'two' }]))
    expect(parley.unsent.value).toBe(1)
    open.send('said later')
    await until(() => expect(browser.server.said('send')).toHaveLength(1))
    go()
    await until(() => expect(browser.server.said('send')).toHaveLength(2))
    expect(browser.server.said('send')[1]).toMatchObject({ body: '', attachments: ['file-1', 'file-2'] })
    await until(() => expect(open.timeline.value.outgoing).toEqual([]))
  })

  it('go on where they were after a lost connection', async () => {
    const { tab: { parley } } = await ann()
    browser.server.files.breaks.push(3, 0)
    const id = parley.uploads.add('talk', file('plan.txt'))!
    await until(() => expect(parley.uploads.all.value.get(id)?.phase).toBe('done'))
    expect(browser.server.files.text('file-1')).toBe('content')
    expect(browser.server.requests.filter((one) => one.startsWith('HEAD'))).toHaveLength(2)
  })

  it('are not sent all at a time, and not without end', async () => {
    const { tab: { parley } } = await ann()
    const go = held('POST')
    const ids = Array.from({ length: MOST }, (_, at) => parley.uploads.add('talk', file(`f${at}`))!)
    expect(parley.uploads.add('talk', file('one more'))).toBeNull()
    expect(phases(parley).filter((phase) => phase === 'sending')).toHaveLength(AT_ONCE)
    for (const id of ids.slice(3)) parley.uploads.cancel(id)
    go()
    await until(() => expect(phases(parley)).toEqual(['done', 'done', 'done']))
  })

  it('are paused, and resumed, and given up here and there', async () => {
    const { tab: { parley } } = await ann()
    held('PATCH')
    const id = parley.uploads.add('talk', file('plan.txt'))!
    await until(() => expect(browser.server.files.taken.size).toBe(1))
    parley.uploads.pause(id)
    expect(phases(parley)).toEqual(['paused'])
    browser.server.files.holds.clear()
    parley.uploads.resume(id)
    await until(() => expect(phases(parley)).toEqual(['done']))
    parley.uploads.pause(id)
    expect(phases(parley)).toEqual(['done'])
    parley.uploads.cancel(id)
    await until(() => expect(browser.server.files.ended).toEqual(['file-1']))
    for (const how of ['pause', 'resume', 'cancel'] as const) parley.uploads[how]('nobody')
    expect(parley.uploads.all.value.size).toBe(0)
  })

  it('that were given up while the server made them are given up there, too', async () => {
    const { tab: { parley } } = await ann()
    const go = held('POST')
    const answer = browser.server.files.answer.bind(browser.server.files)
    // As a server that has begun does not hear that nobody waits for it.
    browser.server.files.answer = (method, id, init) => answer(method, id, method === 'POST' ? { ...init, signal: null } : init)
    const id = parley.uploads.add('talk', file('plan.txt'))!
    await until(() => expect(browser.server.requests).toContain('POST files'))
    parley.uploads.cancel(id)
    go()
    await until(() => expect(browser.server.files.ended).toEqual(['file-1']))
  })

  it('that are refused say why, and take their message with them until somebody decides', async () => {
    const { tab: { parley }, open } = await ann()
    const refused = vi.fn()
    parley.on('refused', refused)
    browser.server.problems.set('POST files', { status: 413, code: 'quota_exceeded' })
    const alone = parley.uploads.add('talk', file('alone'))!
    await until(() => expect(parley.uploads.all.value.get(alone)).toMatchObject({ phase: 'failed', trouble: 'quota_exceeded' }))
    parley.uploads.cancel(alone)
    const go = held('PATCH')
    browser.server.problems.clear()
    const id = parley.uploads.add('talk', file('plan.txt'))!
    open.send('see', { uploads: [id, 'nobody'] })
    browser.server.problems.set('PATCH files/file-1', { status: 403, code: 'forbidden' })
    parley.uploads.pause(id)
    parley.uploads.resume(id)
    go()
    await until(() => expect(open.timeline.value.outgoing).toMatchObject([{ state: 'refused', refusal: { code: 'forbidden', field: 'attachments' } }]))
    const said = open.timeline.value.outgoing[0]!.id
    expect(refused).toHaveBeenCalledWith(said)
    browser.server.problems.clear()
    open.retry(said)
    await until(() => expect(browser.server.said('send')).toMatchObject([{ body: 'see', attachments: ['file-1'] }]))
  })

  it('that somebody does without let their message go, or take it with them where nothing else is in it', async () => {
    const { tab: { parley }, open } = await ann()
    held('PATCH')
    const [one, two] = [parley.uploads.add('talk', file('one'))!, parley.uploads.add('talk', file('two'))!]
    open.send('text', { uploads: [one] })
    open.send('', { uploads: [two] })
    await until(() => expect(open.timeline.value.outgoing).toHaveLength(2))
    parley.uploads.cancel(one)
    await until(() => expect(browser.server.said('send')).toMatchObject([{ body: 'text' }]))
    expect(browser.server.said('send')[0]).not.toHaveProperty('attachments')
    parley.uploads.cancel(two)
    await until(() => expect(open.timeline.value.outgoing).toEqual([]))
    expect(parley.unsent.value).toBe(0)
  })

  it('go with a message that is discarded', async () => {
    const { tab: { parley }, open } = await ann()
    held('PATCH')
    const id = parley.uploads.add('talk', file('one'))!
    const said = open.send('x', { uploads: [id] })
    await until(() => expect(open.timeline.value.outgoing).toHaveLength(1))
    open.discard(said)
    expect(open.timeline.value.outgoing).toEqual([])
    expect(parley.uploads.all.value.size).toBe(0)
    open.discard('nobody')
  })

  it('go on after a reload, and their message is sent then', async () => {
    const { tab, open } = await ann()
    held('PATCH')
    const id = tab.parley.uploads.add('talk', file('plan.txt'))!
    const waiting = tab.parley.uploads.add('talk', file('not sent yet'))!
    const paused = tab.parley.uploads.add('talk', file('paused'))!
    tab.parley.uploads.pause(paused)
    open.send('after the reload', { uploads: [id] })
    await until(() => expect(open.timeline.value.outgoing).toMatchObject([{ kept: true }]))
    await until(() => expect(browser.server.files.taken.size).toBe(2))
    await new Promise((resolve) => setTimeout(resolve, 30))
    tab.die()
    browser.server.files.holds.clear()
    const again = await live(browser.tab())
    await until(() => expect(browser.server.said('send')).toMatchObject([{ body: 'after the reload', attachments: ['file-1'] }]))
    await until(() => expect(phases(again.parley).sort()).toEqual(['done', 'paused']))
    expect(again.parley.uploads.all.value.get(waiting)).toMatchObject({ conversation: 'talk', message: null })
    expect(browser.server.files.text('file-1')).toBe('content')
  })

  it('of a tab that is gone are taken over by the one that leads', async () => {
    const { tab: { parley } } = await ann()
    const other = await live(browser.tab())
    held('PATCH')
    const id = other.parley.uploads.add('talk', file('plan.txt'))!
    other.parley.open('talk').send('from the other', { uploads: [id] })
    await until(() => expect(parley.unsent.value).toBe(1))
    await until(() => expect(browser.server.files.taken.size).toBe(1))
    await new Promise((resolve) => setTimeout(resolve, 30))
    browser.server.files.holds.clear()
    other.die()
    await until(() => expect(browser.server.said('send')).toMatchObject([{ attachments: ['file-1'] }]))
  })

  it('that are lost with their page are said to be', async () => {
    const { tab, open } = await ann()
    held('PATCH')
    const id = tab.parley.uploads.add('talk', file('plan.txt'))!
    open.send('see', { uploads: [id] })
    await until(() => expect(open.timeline.value.outgoing).toMatchObject([{ kept: true }]))
    await new Promise((resolve) => setTimeout(resolve, 30))
    tab.die()
    const { IndexedStore } = await import('./store')
    const [name] = (await browser.indexedDB.databases()).map((one) => one.name!).filter((one) => one.endsWith(':ann'))
    const store = await IndexedStore.open(browser.indexedDB, name!)
    await store.dropUpload(id)
    store.close()
    const again = await live(browser.tab())
    const there = again.parley.open('talk')
    await until(() => expect(there.timeline.value.outgoing).toMatchObject([{ state: 'refused', refusal: { code: 'file_lost' } }]))
    there.retry(there.timeline.value.outgoing[0]!.id)
    await until(() => expect(there.timeline.value.outgoing).toMatchObject([{ state: 'refused', refusal: { code: 'file_lost' } }]))
  })

  it('that cannot be read any more say so', async () => {
    const { tab: { parley } } = await ann()
    const moved = { name: 'moved.txt', type: '', size: 5, slice: () => ({ slice: () => ({ arrayBuffer: () => Promise.reject(new Error('NotReadableError')) }) }) as unknown as Blob }
    const id = parley.uploads.add('talk', moved)!
    await until(() => expect(parley.uploads.all.value.get(id)).toMatchObject({ phase: 'failed', trouble: 'unreadable' }))
  })

  it('leave nothing behind when one signs out', async () => {
    const { tab } = await ann()
    held('PATCH')
    tab.parley.uploads.add('talk', file('secret.txt'))
    await until(() => expect(browser.server.files.taken.size).toBe(1))
    await tab.parley.signOut()
    expect(tab.parley.uploads.all.value.size).toBe(0)
    expect((await browser.indexedDB.databases()).some(({ name }) => name?.endsWith(':ann'))).toBe(false)
    expect(() => tab.parley.uploads.add('talk', file('x'))).toThrow('Nobody')
  })

  it('that wait for the network are tried as soon as it is back', async () => {
    const { tab } = await ann()
    vi.spyOn(Math, 'random').mockReturnValue(1)
    browser.server.problems.set('POST files', { status: 503, code: 'unavailable' })
    tab.parley.uploads.add('talk', file('plan.txt'))
    await until(() => expect(phases(tab.parley)).toEqual(['resting']))
    browser.server.problems.clear()
    tab.wake()
    await until(() => expect(phases(tab.parley)).toEqual(['done']))
  })
})

describe('what became of a file', () => {
  it('is shown in its message, and what the server takes is known in every tab', async () => {
    const { tab: { parley }, open } = await ann()
    browser.server.say('talk', 'bob', '', { attachments: [{ id: 'f', name: 'a.png', type: 'image/png', size: 7, state: 'scanning', revision: 0, previews: false }] })
    browser.server.append('talk', 'bob', { kind: 'file_scanned', actor: 'bob', file: 'f', verdict: 'clean', revision: 1, width: 40, height: 30, previews: true })
    await until(() => expect((open.timeline.value.entries.at(-1) as Message).attachments).toMatchObject([{ state: 'clean', revision: 1, width: 40, previews: true }]))
    expect(parley.limits.value).toEqual({ file: null, attachments: 10 })
  })
})
