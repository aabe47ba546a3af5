// @vitest-environment node
import { describe, expect, it } from 'vitest'
import { bodies, live, until } from '../../tests/fakes/browser'
import { ann, browser } from '../../tests/fakes/scene'
import type { Notice } from './types'

describe('what happens meanwhile', () => {
  it('is told once, in order, and who is named is told so', async () => {
    const { tab, open } = await ann()
    const notices: Notice[] = []
    const end = tab.parley.on('notice', (notice) => notices.push(notice))
    browser.server.omitted.add(2)
    browser.server.say('talk', 'bob', 'lost on the way')
    browser.server.say('talk', 'bob', 'hello @ann', { mentions: ['ann'] })
    browser.server.say('talk', 'ann', 'said elsewhere')
    await until(() => expect(notices).toHaveLength(2))
    expect(notices.map(({ message, live: now, mentioned, primary }) => [message.body, now, mentioned, primary])).toEqual([
      ['lost on the way', false, false, true],
      ['hello @ann', false, true, true],
    ])
    await until(() => expect(open.timeline.value.cursor).toBe(4))
    browser.server.say('talk', 'bob', 'now')
    await until(() => expect(notices.at(-1)).toMatchObject({ live: true }))
    end()
    await until(() => expect(browser.server.talks.get('talk')!.marks.get('ann')?.delivered).toBe(5))
  })

  it('in a conversation that nobody knew is looked up', async () => {
    const { tab } = await ann()
    const talk = browser.server.talk('fresh', 'bob', 'eve')
    talk.members.push('ann')
    browser.server.problems.set('GET conversations/fresh', { status: 503, code: 'unavailable' })
    browser.server.append('fresh', 'bob', { kind: 'member_joined', actor: 'bob', account: 'ann' })
    await until(() => expect(browser.server.requests).toContain('GET conversations/fresh'))
    browser.server.problems.clear()
    browser.server.say('fresh', 'bob', 'welcome')
    await until(() => expect(tab.parley.conversations.value[0]).toMatchObject({ id: 'fresh', subject: 'About fresh', unread: 1 }))
    expect(tab.parley.conversation('nowhere').value).toBeNull()
  })

  it('to a member that is removed is the last of it', async () => {
    const { tab, open } = await ann()
    browser.server.append('talk', 'bob', { kind: 'member_left', actor: 'bob', account: 'ann' })
    browser.server.everybody({ type: 'resync', reason: 'not_member', conversation: 'talk' })
    await until(() => expect(tab.parley.conversations.value).toEqual([]))
    expect(tab.parley.conversation('talk').value?.member).toBe(false)
    expect(open.timeline.value.entries.at(-1)).toMatchObject({ kind: 'member_left', account: 'ann' })
    tab.leave()
    tab.parley.close()
    browser.server.talks.get('talk')!.members.shift()
    const again = browser.tab()
    await again.parley.start()
    expect(again.parley.conversations.value).toEqual([])
  })

  it('to the database is noticed: all is read anew', async () => {
    browser.server.say('talk', 'bob', 'old')
    const { tab, open } = await ann()
    browser.server.talk('gone', 'ann')
    await until(() => expect(tab.parley.conversations.value).toHaveLength(2))
    browser.server.epoch = 'e2'
    browser.server.talks.delete('gone')
    browser.server.talks.get('talk')!.log.pop()
    browser.server.omitted.add(2)
    browser.server.say('talk', 'bob', 'new')
    browser.server.problems.set('GET conversations/talk/events', { status: 503, code: 'unavailable' })
    browser.server.cut()
    await until(() => expect(tab.parley.connection.value).toMatchObject({ phase: 'catching-up' }))
    await until(() => expect(tab.parley.connection.value.stale).toContain('talk'))
    expect(tab.parley.conversations.value.find(({ id }) => id === 'talk')?.stale).toBe(true)
    browser.server.problems.clear()
    await until(() => expect(bodies(open)).toEqual(['new']))
    await until(() => expect(tab.parley.connection.value).toMatchObject({ phase: 'live' }))
    expect(tab.parley.conversations.value.map(({ id }) => id)).toEqual(['talk'])
    browser.server.cut()
    await until(() => expect(browser.server.said('hello').at(-1)).toMatchObject({ epoch: 'e2' }))
  })

  it('to the connection is told, and mended', async () => {
    const { tab } = await ann()
    browser.server.everybody({ type: 'bye', reason: 'draining', reconnect_after: 0 })
    await until(() => expect(browser.server.said('hello')).toHaveLength(2))
    await until(() => expect(tab.parley.connection.value.phase).toBe('live'))
    for (const socket of browser.server.sockets) socket.hear('{')
    await until(() => expect(browser.server.said('hello')).toHaveLength(3))
    await until(() => expect(tab.parley.connection.value.phase).toBe('live'))
    tab.wake()
    tab.parley.retryNow()
    await until(() => expect(browser.server.said('ping').length).toBeGreaterThan(0))
    browser.server.closeHelloWith = 1008
    browser.server.cut()
    await until(() => expect(tab.parley.connection.value).toMatchObject({ phase: 'stopped', reason: 'origin' }))
  })

  it('between a hello that the server will not have and the next is a pause', async () => {
    const { tab } = await ann()
    browser.server.mute = true
    browser.server.cut()
    await until(() => expect(browser.server.said('hello')).toHaveLength(2))
    browser.server.everybody({ type: 'error', code: 'invalid', field: 'cursors' })
    await new Promise((resolve) => setTimeout(resolve, 5))
    browser.server.mute = false
    browser.server.cut(4401)
    await until(() => expect(tab.parley.connection.value.phase).toBe('live'))
    expect(browser.server.requests).not.toContain('POST auth/refresh')
  })
})

describe('the list', () => {
  it('says who is in each, where these are few, and hears who comes and goes', async () => {
    browser.server.cookie = 'ann'
    browser.server.talk('crowd', 'ann', ...Array.from({ length: 32 }, (_, n) => `one${n}`))
    const { parley } = await live(browser.tab())
    const members = (id: string) => parley.conversations.value.find((one) => one.id === id)?.members
    await until(() => expect(members('talk')).toEqual(['ann', 'bob']))
    expect(members('crowd')).toBeNull()
    browser.server.append('talk', 'bob', { kind: 'member_joined', actor: 'bob', account: 'eve' })
    await until(() => expect(members('talk')).toEqual(['ann', 'bob', 'eve']))
  })
})

describe('what is not listed yet', () => {
  it('is counted, until the list comes', async () => {
    browser.server.cookie = 'ann'
    browser.server.problems.set('GET conversations', { status: 503, code: 'unavailable' })
    const { parley } = browser.tab()
    await parley.start()
    await until(() => expect(parley.connection.value.phase).toBe('live'))
    expect([parley.unlisted.value, parley.conversations.value.length]).toEqual([1, 0])
    browser.server.problems.clear()
    parley.retryNow()
    await until(() => expect(parley.conversations.value).toHaveLength(1))
    expect(parley.unlisted.value).toBe(0)
  })
})

describe('everything else', () => {
  it('goes over HTTP', async () => {
    const { tab } = await ann()
    const { parley } = tab
    const { server } = browser
    server.projects.set('p', { id: 'p', name: 'Roof', members: 3 })
    expect(parley.project('p')).toBeUndefined()
    await until(() => expect(parley.projects.value.get('p')?.name).toBe('Roof'))
    expect(parley.person('eve')).toBeUndefined()
    await until(() => expect(parley.people.value.get('eve')?.name).toBe('EVE'))
    expect(parley.person('nobody')).toBeUndefined()
    expect((await parley.findAccounts('e')).map(({ id }) => id)).toEqual(['ann', 'bob', 'eve'])
    expect((await parley.findProjects('')).map(({ id }) => id)).toEqual(['p'])
    expect(await parley.projectMembers('p')).toHaveLength(3)
    const id = await parley.create({ subject: 'New', members: ['bob'], project: 'p' })
    await until(() => expect(parley.conversations.value.map((one) => one.id)).toContain(id))
    await parley.rename('talk', 'Better')
    await parley.setStatus('talk', 'closed')
    await parley.addMember('talk', 'eve')
    await parley.removeMember('talk', 'ann')
    expect(await parley.history('talk', 2)).toHaveLength(1)
    for (const request of ['PATCH conversations/talk', 'PUT conversations/talk/members/eve', 'DELETE conversations/talk/members/ann']) {
      expect(server.requests).toContain(request)
    }
    server.say('talk', 'bob', 'hello')
    expect(await parley.message('talk', 2)).toMatchObject({ body: 'hello' })
    await until(() => expect(parley.conversation('talk').value?.head).toBe(2))
    expect(await parley.message('talk', 2)).toMatchObject({ body: 'hello' })
    expect(await parley.message('talk', 1)).toBeNull()
    expect(await parley.message('made', 9)).toBeNull()
  })

  it('keeps drafts: in all tabs, and for the next time', async () => {
    const { tab } = await ann()
    const other = await live(browser.tab())
    const draft = { body: 'half a', replyTo: null, editing: null, mentions: [] }
    tab.parley.drafts.set('talk', draft)
    expect(tab.parley.drafts.get('talk')).toEqual(draft)
    await until(() => expect(other.parley.drafts.all.value.get('talk')).toEqual(draft))
    other.parley.drafts.set('talk', { ...draft, body: '' })
    expect(other.parley.drafts.get('talk')).toBeNull()
    tab.parley.drafts.set('aside', draft)
    tab.leave()
    for (const one of [tab, other]) one.parley.close()
    expect(tab.parley.drafts.get('talk')).toBeNull()
    const again = await live(browser.tab())
    expect([...again.parley.drafts.all.value]).toEqual([['aside', draft]])
  })

  it('is nothing while nobody is signed in', () => {
    const { parley } = browser.tab()
    parley.be('away')
    parley.watch([])
    parley.retryNow()
    parley.drafts.set('talk', null)
    expect(parley.person('ann')).toBeUndefined()
    expect(parley.project('p')).toBeUndefined()
    expect(parley.presence.value.size + parley.typing.value.size + parley.people.value.size + parley.projects.value.size).toBe(0)
  })
})
