// @vitest-environment node
import { describe, expect, it, vi } from 'vitest'
import { bodies, live, until } from '../../tests/fakes/browser'
import { ann, browser } from '../../tests/fakes/scene'
import type { Message } from './types'

describe('an open conversation', () => {
  it('shows what was said, by whom, and who is there', async () => {
    browser.server.say('talk', 'bob', 'hello')
    const { tab, open } = await ann()
    expect(open.timeline.value).toMatchObject({ floor: 0, cursor: 2, loading: false, trouble: null, stale: false })
    expect(open.timeline.value.entries.map(({ kind }) => kind)).toEqual(['created', 'message'])
    expect(tab.parley.conversation('talk').value).toMatchObject({ members: ['ann', 'bob'], unread: 1 })
    expect(await tab.parley.details('talk')).toMatchObject({ subject: 'About talk', member: true })
    await until(() => expect(browser.server.said('watch')).toHaveLength(1))
    browser.server.everybody({ type: 'presence', account: 'bob', state: 'away', last_seen: null })
    await until(() => expect(tab.parley.presence.value.get('bob')).toEqual({ state: 'away', lastSeen: null }))
    browser.server.tell('talk', { type: 'typing', conversation: 'talk', account: 'bob', on: true })
    browser.server.tell('talk', { type: 'typing', conversation: 'talk', account: 'ann', on: true })
    await until(() => expect(tab.parley.typing.value.get('talk')).toEqual(['bob']))
    browser.server.say('talk', 'bob', 'there')
    await until(() => expect(tab.parley.typing.value.size).toBe(0))
    open.close()
    open.close()
    await until(() => expect(browser.server.said('unwatch')).toHaveLength(1))
  })

  it('is asked for once, however many want to know of it at a time', async () => {
    const { tab } = await ann()
    const before = browser.server.requests.length
    await Promise.all([tab.parley.details('talk'), tab.parley.details('talk')])
    expect(browser.server.requests.slice(before).filter((one) => one.endsWith('conversations/talk'))).toHaveLength(1)
    await tab.parley.details('talk')
    expect(browser.server.requests.slice(before).filter((one) => one.endsWith('conversations/talk'))).toHaveLength(2)
  })

  it('says at once what is written, and stores it once', async () => {
    const { tab, open } = await ann()
    const id = open.send('hello', { replyTo: 1, mentions: ['bob'] })
    expect(open.timeline.value.outgoing).toMatchObject([{ id, body: 'hello', state: 'queued', replyTo: 1 }])
    expect(tab.parley.unsent.value).toBe(1)
    expect([...tab.parley.unsentIn.value]).toEqual([['talk', 'queued']])
    await until(() => expect(open.timeline.value.outgoing).toEqual([]))
    expect(open.timeline.value.entries.at(-1)).toMatchObject({ id, body: 'hello', replyTo: 1, mentions: ['bob'] })
    await until(() => expect(tab.parley.unsent.value).toBe(0))
    open.edit(2, 'better')
    expect(bodies(open)).toEqual(['better'])
    open.react(2, '+', true)
    open.delete(2)
    await until(() => expect(browser.server.talks.get('talk')!.log.map(({ kind }) => kind).slice(2)).toEqual(['edited', 'reaction', 'deleted']))
    await until(() => expect(open.timeline.value).toMatchObject({ cursor: 5, outgoing: [] }))
    expect(open.timeline.value.entries.at(-1)).toMatchObject({ body: null, change: null })
  })

  it('sends again under the same id what got no answer', async () => {
    const { tab, open } = await ann()
    browser.server.swallowAcks = 1
    const id = open.send('once')
    await until(() => expect(bodies(open)).toEqual(['once']))
    expect(open.timeline.value.outgoing).toEqual([]) // its event is there: it is not shown twice
    browser.server.cut()
    await until(() => expect(browser.server.said('send')).toHaveLength(2))
    expect(browser.server.said('send').map((frame) => 'id' in frame && frame.id)).toEqual([id, id])
    await until(() => expect(tab.parley.connection.value.phase).toBe('live'))
    expect(bodies(open)).toEqual(['once'])
  })

  it('keeps what was refused with its reason, until it is tried again or forgotten', async () => {
    const { tab, open } = await ann()
    const refused = vi.fn()
    const end = tab.parley.on('refused', refused)
    browser.server.refusals.push({ code: 'closed', message: 'No more.' }, { code: 'id_conflict' })
    const [first, second] = [open.send('first'), open.send('second')]
    await until(() => expect(refused).toHaveBeenCalledTimes(2))
    end()
    expect(open.timeline.value.outgoing).toMatchObject([
      { id: first, state: 'refused', refusal: { code: 'closed', message: 'No more.', field: null } },
      { id: second, state: 'refused', refusal: { code: 'id_conflict' } },
    ])
    expect(tab.parley.unsent.value).toBe(0)
    expect([...tab.parley.unsentIn.value]).toEqual([['talk', 'refused']])
    open.retry(first)
    open.retry(second)
    open.retry('unknown')
    open.discard('unknown')
    await until(() => expect(bodies(open)).toEqual(['first', 'second']))
    const ids = open.timeline.value.entries.slice(1).map((entry) => (entry as Message).id)
    expect(ids[0]).toBe(first)
    expect(ids[1]).not.toBe(second)
    browser.server.refusals.push({ code: 'closed' })
    const third = open.send('third')
    await until(() => expect(open.timeline.value.outgoing).toMatchObject([{ state: 'refused' }]))
    open.discard(third)
    expect(open.timeline.value.outgoing).toEqual([])
  })

  it('reads back page by page, to a message, and says what went wrong', async () => {
    for (let n = 0; n < 250; n += 1) browser.server.say('talk', 'bob', `${n}`)
    const { open } = await ann()
    expect(open.timeline.value).toMatchObject({ floor: 151, cursor: 251 })
    browser.server.problems.set('GET conversations/talk/events', { status: 503, code: 'overloaded' })
    expect(await open.loadOlder()).toBe(false)
    expect(open.timeline.value.trouble).toBe('overloaded')
    expect(await open.loadTo(5)).toBe(false)
    browser.server.problems.clear()
    browser.server.down = true
    await open.loadOlder()
    expect(open.timeline.value.trouble).toBe('network')
    browser.server.down = false
    expect(await Promise.all([open.loadOlder(), open.loadOlder()])).toEqual([true, true])
    expect(open.timeline.value).toMatchObject({ floor: 51, trouble: null })
    expect(await open.loadTo(5)).toBe(true)
    expect(open.timeline.value.floor).toBe(0)
    expect(open.timeline.value.entries).toHaveLength(251)
    expect(await open.loadOlder()).toBe(false)
    expect(await open.loadTo(1)).toBe(true)
  })

  it('of which one is no member says so', async () => {
    const { tab } = await ann()
    browser.server.talk('secret', 'bob')
    const open = tab.parley.open('secret')
    await open.ready
    expect(open.timeline.value.trouble).toBe('not_found')
  })

  it('tells how far one has read, again until that is stored, and what others have read', async () => {
    browser.server.say('talk', 'bob', 'hello')
    const { tab, open } = await ann()
    open.markRead(99)
    expect(tab.parley.conversations.value[0]).toMatchObject({ read: 2, unread: 0 })
    open.markRead()
    await until(() => expect(browser.server.talks.get('talk')!.marks.get('ann')).toEqual({ read: 2, delivered: 2 }))
    browser.server.tell('talk', { type: 'receipt', conversation: 'talk', account: 'bob', read: 1, delivered: 2 })
    await until(() => expect(open.timeline.value).toMatchObject({ readTo: 1, deliveredTo: 2 }))
  })

  it('tells on return what was read meanwhile, and learns what was missed', async () => {
    browser.server.say('talk', 'bob', 'hello')
    const { open } = await ann()
    browser.server.down = true
    browser.server.cut()
    open.markRead()
    browser.server.talks.get('talk')!.marks.set('bob', { read: 2, delivered: 2 })
    browser.server.down = false
    await until(() => expect(browser.server.talks.get('talk')!.marks.get('ann')?.read).toBe(2))
    await until(() => expect(open.timeline.value.readTo).toBe(2))
  })

  it('tells after a restart what was read before it', async () => {
    browser.server.say('talk', 'bob', 'hello')
    const { tab, open } = await ann()
    browser.server.down = true
    browser.server.cut()
    open.markRead()
    tab.leave()
    tab.parley.close()
    browser.server.down = false
    await live(browser.tab())
    await until(() => expect(browser.server.talks.get('talk')!.marks.get('ann')?.read).toBe(2))
  })

  it('tells that one types, and when somebody sits here', async () => {
    const { tab, open } = await ann()
    open.typing(true)
    open.typing(true)
    tab.parley.be('away')
    tab.parley.watch(['talk', 'other'])
    await until(() => expect(browser.server.said('presence')).toEqual([{ type: 'presence', state: 'away' }]))
    await until(() => expect(browser.server.said('watch')).toHaveLength(2))
    expect(browser.server.said('typing')).toHaveLength(1)
  })
})
