// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bodies, FakeBrowser, live, type Tab, until } from '../../tests/fakes/browser'
import { FLUSH_MS } from './account'
import type { OpenConversation } from './open'

let browser: FakeBrowser
let first: Tab
let second: Tab
let here: OpenConversation
let there: OpenConversation

/** Two tabs of Ann's with one conversation on screen; the first leads. */
beforeEach(async () => {
  browser = new FakeBrowser()
  for (const id of ['ann', 'bob']) browser.server.person(id)
  browser.server.talk('talk', 'ann', 'bob')
  browser.server.say('talk', 'bob', 'hello')
  browser.server.cookie = 'ann'
  first = await live(browser.tab())
  second = await live(browser.tab())
  ;[here, there] = [first.parley.open('talk'), second.parley.open('talk')]
  await Promise.all([here.ready, there.ready])
})
afterEach(() => browser.close())

describe('two tabs of one account', () => {
  it('have one connection, and show the same', async () => {
    expect(browser.server.sockets.size).toBe(1)
    browser.server.say('talk', 'bob', 'to both')
    browser.server.everybody({ type: 'presence', account: 'bob', state: 'online' })
    browser.server.tell('talk', { type: 'typing', conversation: 'talk', account: 'bob', on: true })
    for (const [tab, open] of [[first, here], [second, there]] as const) {
      await until(() => expect(bodies(open)).toEqual(['hello', 'to both']))
      await until(() => expect(tab.parley.presence.value.get('bob')?.state).toBe('online'))
      await until(() => expect(tab.parley.typing.value.get('talk')).toEqual(['bob']))
    }
  })

  it('send each command once, and both show it on its way', async () => {
    browser.server.down = true
    browser.server.cut()
    const id = there.send('from the second')
    await until(() => expect(here.timeline.value.outgoing).toMatchObject([{ id, state: 'queued', kept: true }]))
    for (const tab of [first, second]) expect(tab.parley.unsent.value).toBe(1)
    browser.server.down = false
    for (const open of [here, there]) await until(() => expect(bodies(open)).toEqual(['hello', 'from the second']))
    expect(browser.server.said('send')).toHaveLength(1)
    for (const tab of [first, second]) await until(() => expect(tab.parley.unsent.value).toBe(0))
  })

  it('forget a refused command together', async () => {
    browser.server.refusals.push({ code: 'closed' })
    const id = there.send('no')
    await until(() => expect(here.timeline.value.outgoing).toMatchObject([{ state: 'refused' }]))
    await until(() => expect(there.timeline.value.outgoing).toMatchObject([{ state: 'refused' }]))
    there.discard(id)
    for (const open of [here, there]) await until(() => expect(open.timeline.value.outgoing).toEqual([]))
  })

  it('have read what one of them has', async () => {
    there.markRead()
    for (const tab of [first, second]) await until(() => expect(tab.parley.conversations.value[0]?.unread).toBe(0))
  })

  it('are there while one of them is', async () => {
    first.parley.be('away')
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(browser.server.said('presence')).toEqual([])
    second.parley.be('away')
    await until(() => expect(browser.server.said('presence')).toHaveLength(1))
    second.parley.be('online')
    await until(() => expect(browser.server.said('presence')).toHaveLength(2))
    second.die()
    await until(() => expect(browser.server.said('presence').at(-1)).toMatchObject({ state: 'away' }))
  })

  it('go on when the leading one dies: nothing is lost, nothing is sent twice', async () => {
    browser.server.down = true
    browser.server.cut()
    const ids = [there.send('a'), here.send('b'), there.send('c')]
    await until(() => expect(here.timeline.value.outgoing).toHaveLength(3))
    await until(() => expect(there.timeline.value.outgoing).toHaveLength(3))
    const order = there.timeline.value.outgoing.map(({ id }) => id)
    expect([...order].sort()).toEqual([...ids].sort())
    first.die()
    browser.server.down = false
    await until(() => expect(bodies(there)).toHaveLength(4))
    await until(() => expect(second.parley.unsent.value).toBe(0))
    expect(new Set(browser.server.said('send').map((frame) => 'id' in frame && frame.id))).toEqual(new Set(ids))
    expect(browser.server.talks.get('talk')!.log).toHaveLength(5)
    there.send('and on')
    await until(() => expect(bodies(there).at(-1)).toBe('and on'))
  })

  it('hand on to a third what they know, and tell it when another leads', async () => {
    const third = await live(browser.tab())
    const open = third.parley.open('talk')
    browser.server.say('talk', 'bob', 'before')
    await until(() => expect(bodies(open)).toEqual(['hello', 'before']))
    first.die()
    browser.server.say('talk', 'bob', 'between')
    await until(() => expect(bodies(there)).toEqual(['hello', 'before', 'between']))
    browser.server.say('talk', 'bob', 'after')
    await until(() => expect(bodies(open)).toEqual(['hello', 'before', 'between', 'after']))
    open.send('from the third')
    await until(() => expect(bodies(there).at(-1)).toBe('from the third'))
  })

  it('without storage keep what one asked for when the other dies', async () => {
    const server = browser.server
    const other = new FakeBrowser(server)
    const [leads, follows] = [await live(other.tab({ storage: 'memory' })), await live(other.tab({ storage: 'memory' }))]
    const open = follows.parley.open('talk')
    await open.ready
    server.down = true
    server.cut()
    open.send('only here')
    await until(() => expect(leads.parley.unsent.value).toBe(1))
    leads.die()
    server.down = false
    await until(() => expect(bodies(open).at(-1)).toBe('only here'))
    other.close()
  })

  it('leave what they know to the next page, without a network', async () => {
    browser.server.say('talk', 'bob', 'stored')
    await until(() => expect(bodies(here).at(-1)).toBe('stored'))
    await new Promise((resolve) => setTimeout(resolve, FLUSH_MS + 100))
    first.die()
    second.die()
    browser.server.down = true
    const next = browser.tab()
    await next.parley.start()
    expect(bodies(next.parley.open('talk'))).toEqual(['hello', 'stored'])
  })
})
