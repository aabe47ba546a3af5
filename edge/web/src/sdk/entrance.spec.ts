// @vitest-environment node
import { describe, expect, it, vi } from 'vitest'
import { bodies, live, until } from '../../tests/fakes/browser'
import { ann, browser } from '../../tests/fakes/scene'

describe('signing in', () => {
  it('begins with nobody, and shows the list as soon as somebody is there', async () => {
    const { parley } = browser.tab()
    expect(parley.session.value.phase).toBe('unknown')
    await parley.start()
    expect(parley.session.value).toEqual({ phase: 'signed-out', account: null })
    expect(() => parley.open('talk')).toThrow('Nobody')
    await expect(parley.signIn('ann', 'wrong')).rejects.toMatchObject({ code: 'unauthenticated' })
    browser.server.talk('second', 'ann')
    browser.server.talk('third', 'ann')
    expect(await parley.signIn('ann', 'right')).toMatchObject({ id: 'ann', name: 'ANN' })
    await until(() => expect(parley.conversations.value.map(({ id }) => id).sort()).toEqual(['second', 'talk', 'third']))
    await until(() => expect(parley.connection.value.phase).toBe('live'))
    expect(parley.storage.value).toEqual({ kind: 'stored', trouble: null })
    expect(parley.person('ann')?.name).toBe('ANN')
  })

  it('is remembered, also without a network', async () => {
    browser.server.say('talk', 'bob', 'hello')
    const { tab } = await ann()
    tab.parley.close()
    browser.server.down = true
    const again = browser.tab()
    await again.parley.start()
    expect(again.parley.session.value).toMatchObject({ phase: 'signed-in', account: { id: 'ann' } })
    expect(again.parley.conversations.value[0]).toMatchObject({ subject: 'About talk', unread: 1 })
    expect(bodies(again.parley.open('talk'))).toEqual(['hello'])
    await until(() => expect(again.parley.connection.value).toMatchObject({ phase: 'offline', reason: 'network' }))
    expect(again.parley.connection.value.currentAt).toBeNull()
  })

  it('ends in all tabs at once, and leaves nothing behind', async () => {
    const { tab, open } = await ann()
    const other = await live(browser.tab())
    const ended = vi.fn()
    other.parley.on('signed-out', ended)
    open.send('on its way')
    await tab.parley.signOut()
    for (const one of [tab, other]) {
      await until(() => expect(one.parley.session.value).toEqual({ phase: 'signed-out', account: null }))
      expect(one.parley.conversations.value).toEqual([])
      expect(one.parley.unsent.value).toBe(0)
    }
    expect(ended).toHaveBeenCalledWith('signed-out')
    expect((await browser.indexedDB.databases()).map(({ name }) => name?.split(':').length)).toEqual([3])
    const next = browser.tab()
    await next.parley.start()
    expect(next.parley.session.value.phase).toBe('signed-out')
  })

  it('cannot be ended without the server, and can where it has ended already', async () => {
    const { tab } = await ann()
    browser.server.down = true
    await expect(tab.parley.signOut()).rejects.toThrow()
    expect(tab.parley.session.value.phase).toBe('signed-in')
    browser.server.down = false
    browser.server.cookie = null
    await tab.parley.signOut()
    expect(tab.parley.session.value.phase).toBe('signed-out')
  })

  it('of somebody else shows nothing of who was there before, in all tabs', async () => {
    const { tab } = await ann()
    const other = await live(browser.tab())
    browser.server.talk('private', 'bob')
    await tab.parley.signIn('bob', 'right')
    for (const one of [tab, other]) {
      await until(() => expect(one.parley.session.value.account?.id).toBe('bob'))
      await until(() => expect(one.parley.conversations.value).toHaveLength(2))
    }
    expect((await browser.indexedDB.databases()).some(({ name }) => name?.endsWith(':ann'))).toBe(false)
  })

  it('elsewhere as somebody else is noticed by the server, and followed', async () => {
    const { tab } = await ann()
    browser.server.cookie = 'bob'
    browser.server.cut()
    await until(() => expect(tab.parley.session.value.account?.id).toBe('bob'))
    browser.server.cookie = 'eve'
    browser.server.problems.set('GET me', { status: 503, code: 'unavailable' })
    browser.server.cut()
    await until(() => expect(tab.parley.session.value.phase).toBe('signed-out'))
  })

  it('runs out when the server says so, and what is unsent stays for who comes back', async () => {
    const { tab, open } = await ann()
    browser.server.down = true
    browser.server.cut()
    open.send('kept')
    await until(() => expect(open.timeline.value.outgoing).toHaveLength(1))
    browser.server.cookie = null
    browser.server.down = false
    await until(() => expect(tab.parley.session.value).toMatchObject({ phase: 'expired', account: { id: 'ann' } }))
    await tab.parley.signIn('ann', 'right')
    await until(() => expect(browser.server.talks.get('talk')!.log.at(-1)).toMatchObject({ body: 'kept' }))
  })

  it('by a host application needs no cookie', async () => {
    const { parley } = await live(browser.tab({ token: () => Promise.resolve('bob'), storage: 'memory' }))
    expect(parley.session.value.account?.id).toBe('bob')
    expect(parley.storage.value).toEqual({ kind: 'memory', trouble: null })
    expect(browser.server.said('hello')[0]).toMatchObject({ token: 'bob' })
    expect(await browser.indexedDB.databases()).toEqual([])
  })

  it('works in a private window, and says that nothing is stored', async () => {
    browser.server.cookie = 'ann'
    const refusing = Object.create(browser.indexedDB) as IDBFactory
    refusing.open = () => {
      throw new DOMException('private', 'SecurityError')
    }
    for (const indexedDB of [undefined, refusing]) {
      const { parley } = await live(browser.tab({ environment: { indexedDB, locks: undefined } }))
      expect(parley.storage.value).toEqual({ kind: 'memory', trouble: 'unavailable' })
      const open = parley.open('talk')
      browser.server.down = true
      browser.server.cut()
      open.send('lost if closed')
      await until(() => expect(open.timeline.value.outgoing[0]?.kept).toBe(false))
      browser.server.down = false
      await until(() => expect(bodies(open).at(-1)).toBe('lost if closed'))
      parley.close()
    }
  })

  it('that is closed before it began shows nothing', async () => {
    browser.server.cookie = 'ann'
    const { parley } = browser.tab()
    const started = parley.start()
    parley.close()
    await started
    expect(parley.session.value.phase).toBe('unknown')
  })
})
