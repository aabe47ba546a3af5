import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Component } from 'vue'
import { rightsIn } from '@/messaging/rights'
import { told } from '@/messaging/refusals'
import { makeRouter } from '@/router'
import { ApiError, Unreachable, type Person } from '@/sdk'
import { withLayout } from '../../../tests/layout'
import { conversation, fakeStore } from '../../../tests/store'
import { ADAM, CLARA, CONVERSATION, ME } from '../../../tests/timelines'
import ClosedBar from './ClosedBar.vue'
import ConversationHeader from './ConversationHeader.vue'
import MembersPanel from './MembersPanel.vue'
import StartConversation from './StartConversation.vue'

beforeAll(withLayout)
afterEach(() => {
  document.body.innerHTML = ''
  vi.useRealTimers()
})

const EVA: Person = { id: 'eeeeeeee-0000-4000-8000-000000000005', name: 'Eva Lind', role: 'client', email: null }
const refused = (code: string) => new ApiError(409, { code })
const settled = async () => {
  for (let turn = 0; turn < 4; turn++) await flushPromises()
  await vi.dynamicImportSettled()
  await flushPromises()
}

function world() {
  const base = fakeStore()
  const asked = {
    rename: vi.fn(() => Promise.resolve()),
    setStatus: vi.fn(() => Promise.resolve()),
    addMember: vi.fn(() => Promise.resolve()),
    removeMember: vi.fn(() => Promise.resolve()),
    create: vi.fn((wish: { key?: string }) => Promise.resolve(wish.key === undefined ? '' : CONVERSATION)),
    findAccounts: vi.fn(() => Promise.resolve([EVA, { ...EVA, id: ADAM, name: 'Adam Ode' }])),
    findProjects: vi.fn(() => Promise.resolve([{ id: 'p1', name: 'Bridge', members: 3 }])),
    project: () => ({ id: 'p1', name: 'Bridge', members: 3 }),
  }
  Object.assign(base.store.parley, asked)
  return { ...base, ...asked }
}

async function shown(part: Component, props: Record<string, unknown>, given = world()) {
  const router = makeRouter()
  const page = mount(part, { props, global: { plugins: [given.pinia, router] }, attachTo: document.body })
  await settled()
  const named = (name: string) => [...document.querySelectorAll<HTMLElement>('button')].find((one) => (one.getAttribute('aria-label') ?? one.textContent.trim()) === name)
  const press = async (name: string) => {
    named(name)!.click()
    await settled()
  }
  return { ...given, page, router, named, press }
}

const header = (given = world()) => shown(ConversationHeader, { conversation: CONVERSATION }, given)

describe('what one may do', () => {
  it('staff keep an open conversation, clients leave it, and a closed one only gets another status', () => {
    expect(rightsIn(conversation(), 'agent')).toEqual({ rename: true, close: true, reopen: false, archive: true, members: true, leave: true })
    expect(rightsIn(conversation(), 'client')).toMatchObject({ rename: false, members: false, leave: true })
    expect(rightsIn(conversation({ status: 'archived' }), 'admin')).toMatchObject({ rename: false, reopen: true, leave: false })
    expect(rightsIn(conversation({ status: 'closed' }), 'agent')).toMatchObject({ rename: false, reopen: true, archive: true, leave: false })
    expect(rightsIn(conversation({ status: 'archived' }), 'agent').archive).toBe(false)
    expect(rightsIn(conversation({ status: 'closed' }), 'client').reopen).toBe(false)
    for (const none of [rightsIn(null, 'agent'), rightsIn(conversation(), null), rightsIn(conversation({ member: false }), 'agent')]) expect(Object.values(none)).not.toContain(true)
  })

  it('says in plain words why not', () => {
    expect(told(refused('forbidden'))).toContain('may not')
    expect(told(refused('closed'))).toContain('closed')
    expect(told(new Unreachable('gone'))).toContain('not certain')
    expect(told(refused('internal'))).toBe(told(new Error('?')))
  })
})

describe('the header of a conversation', () => {
  it('names subject, project and the others, and asks for the members', async () => {
    const { page, press, facts } = await header()
    facts.set(conversation({ project: 'p1', members: [ME, CLARA, ADAM, 'x', 'y'] }))
    await settled()
    expect(page.find('h2').text()).toBe('Harbour')
    expect(page.find('.who').text()).toContain('Bridge')
    expect(page.find('.who').text()).toContain('Clara Jensen')
    expect(page.find('.wide').text()).toBe('+1')
    expect(page.find('.narrow').text()).toBe('+3')
    await press('Show members (5)')
    expect(page.emitted('panel')).toHaveLength(1)
  })

  it('says since when it may be stale, and what it is now', async () => {
    const { page, store, facts } = await header()
    store.connection = { ...store.connection, currentAt: Date.UTC(2026, 10, 23), stale: new Set([CONVERSATION]) }
    facts.set(conversation({ status: 'archived' }))
    await settled()
    expect(page.find('.stale').text()).toContain('As of')
    expect(page.find('.mark').text()).toBe('Archived')
    facts.set(conversation({ status: 'closed' }))
    await settled()
    expect(page.find('.mark').text()).toBe('Closed')
    facts.set(conversation({ member: false, subject: 'Pier' }))
    await settled()
    expect(page.find('.mark').text()).toBe('No longer a member')
    facts.set(null)
    await settled()
    expect(page.find('h2').attributes('aria-label')).toBe('Loading the conversation')
    expect(page.findAll('button')).toHaveLength(0)
    await page.setProps({ broken: true })
    expect(page.find('h2').text()).toBe('Conversation not loaded')
  })

  it('renames, and keeps what was typed when that is refused', async () => {
    const { press, rename } = await header()
    await press('Conversation actions')
    await press('Rename')
    const field = document.querySelector<HTMLInputElement>('dialog input')!
    expect(field.value).toBe('Harbour')
    const type = (text: string) => {
      field.value = text
      field.dispatchEvent(new Event('input'))
      return settled()
    }
    await type('  ')
    await press('Save')
    expect(rename).not.toHaveBeenCalled()
    rename.mockRejectedValueOnce(refused('forbidden'))
    await type(' Pier 4 ')
    await press('Save')
    expect(document.querySelector('dialog [role=alert]')?.textContent).toContain('may not')
    await press('Save')
    expect(rename).toHaveBeenLastCalledWith(CONVERSATION, 'Pier 4')
    expect(document.querySelector('dialog')).toBeNull()
    await press('Conversation actions')
    await press('Rename')
    await press('Save')
    expect(rename).toHaveBeenCalledTimes(2)
    expect(document.querySelector('dialog')).toBeNull()
  })

  it('closes, archives and leaves after asking', async () => {
    const { press, setStatus, removeMember } = await header()
    for (const [choice, action] of [['Close conversation', 'Close conversation'], ['Archive', 'Archive'], ['Leave', 'Leave']] as const) {
      await press('Conversation actions')
      await press(choice)
      await press('Cancel')
      await press('Conversation actions')
      await press(choice)
      await press(action)
    }
    expect(setStatus.mock.calls).toEqual([[CONVERSATION, 'closed'], [CONVERSATION, 'archived']])
    expect(removeMember).toHaveBeenCalledExactlyOnceWith(CONVERSATION, ME)
  })

  it('goes through its menu with the arrows', async () => {
    const { press } = await header()
    await press('Conversation actions')
    const choices = document.querySelector<HTMLElement>('[role=menu] > .menu')!
    const arrow = (key: string) => choices.dispatchEvent(new KeyboardEvent('keydown', { key }))
    document.querySelector<HTMLElement>('[role=menuitem]')!.focus()
    arrow('ArrowDown')
    expect(document.activeElement?.textContent.trim()).toBe('Close conversation')
    arrow('ArrowUp')
    arrow('ArrowUp')
    expect(document.activeElement?.textContent.trim()).toBe('Leave')
    choices.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }))
    await settled()
    expect(document.querySelector('[role=menu]')).toBeNull()
  })

  it('opens a closed one again, and says where it may not', async () => {
    const given = world()
    const { page, press, named, setStatus } = await shown(ClosedBar, { facts: conversation({ status: 'closed' }) }, given)
    expect(page.text()).toContain('is closed')
    setStatus.mockRejectedValueOnce(refused('disabled'))
    await press('Open again')
    expect(page.find('[role=alert]').text()).toContain('switched off')
    await press('Open again')
    expect(setStatus).toHaveBeenLastCalledWith(CONVERSATION, 'open')
    expect(page.find('[role=alert]').exists()).toBe(false)
    await page.setProps({ facts: conversation({ status: 'archived' }) })
    expect(page.text()).toContain('archived')
    await page.setProps({ facts: conversation({ member: false }) })
    expect(page.text()).toContain('no longer a member')
    expect(named('Open again')).toBeUndefined()
  })
})

describe('the members of a conversation', () => {
  const panel = (given = world()) => shown(MembersPanel, { conversation: CONVERSATION }, given)

  it('are read where the list does not tell them, and again where that failed', async () => {
    const given = world()
    const details = vi.fn(() => Promise.reject(new Unreachable('gone')))
    Object.assign(given.store.parley, { details })
    given.facts.set(conversation({ members: null }))
    const { page, press } = await panel(given)
    expect(page.find('h2').text()).toBe('Members')
    expect(page.find('[role=alert]').text()).toContain('could not be loaded')
    details.mockImplementationOnce(() => new Promise(() => undefined))
    await press('Try again')
    expect(details).toHaveBeenCalledTimes(2)
    expect(page.find('[role=alert]').exists()).toBe(false)
    expect(page.find('[aria-hidden=true] .face').exists()).toBe(true)
    given.facts.set(conversation({ members: [ME, CLARA] }))
    await settled()
    expect(page.find('h2').text()).toBe('2 members')
  })

  it('are listed, who is there first', async () => {
    const given = world()
    given.store.presence = new Map([[ADAM, { state: 'online', lastSeen: null }]])
    const { page } = await panel(given)
    expect(page.findAll('.name > span').map((one) => one.text())).toEqual(['Adam Ode', 'Clara Jensen', 'Mia Own (you)'])
    await page.find('aside').trigger('keydown', { key: 'Escape' })
    await page.find('[aria-label=Close]').trigger('click')
    expect(page.emitted('close')).toHaveLength(2)
  })

  it('over the page take the focus and give it back, and go where one presses beside them', async () => {
    const given = world()
    const before = document.body.appendChild(document.createElement('button'))
    before.focus()
    const { page } = await shown(MembersPanel, { conversation: CONVERSATION, over: true }, given)
    expect(document.activeElement?.getAttribute('aria-label')).toBe('Close')
    await page.find('.scrim').trigger('click')
    expect(page.emitted('close')).toHaveLength(1)
    page.unmount()
    await new Promise((done) => setTimeout(done))
    expect(document.activeElement).toBe(before)
  })

  it('beside the page leave the focus where it is', async () => {
    const before = document.body.appendChild(document.createElement('button'))
    before.focus()
    const { page } = await panel()
    expect(page.find('.scrim').exists()).toBe(false)
    page.unmount()
    await new Promise((done) => setTimeout(done))
    expect(document.activeElement).toBe(before)
  })

  it('are added from a search that leaves out who is in it', async () => {
    const { page, press, addMember } = await panel()
    await press('Add somebody')
    expect(page.findAll('.found li')).toHaveLength(1)
    addMember.mockRejectedValueOnce(refused('rate_limited'))
    await page.find('.found button').trigger('click')
    await settled()
    expect(page.find('[role=alert]').text()).toContain('too much to do')
    await page.find('.found button').trigger('click')
    await settled()
    expect(addMember).toHaveBeenLastCalledWith(CONVERSATION, EVA.id)
    expect(page.find('.found').exists()).toBe(false)
  })

  it('are searched while one types, and only the newest answer counts', async () => {
    const given = world()
    const { page, press, findAccounts } = await panel(given)
    await press('Add somebody')
    vi.useFakeTimers()
    let late: (people: Person[]) => void = () => undefined
    findAccounts.mockImplementationOnce(() => new Promise((resolve) => (late = resolve)))
    await page.find('input').setValue('e')
    vi.advanceTimersByTime(200)
    findAccounts.mockResolvedValueOnce([])
    await page.find('input').setValue('ev')
    vi.advanceTimersByTime(200)
    late([EVA])
    await flushPromises()
    expect(page.find('.nobody').text()).toBe('Nobody has this name.')
    findAccounts.mockRejectedValueOnce(new Unreachable('gone'))
    await page.find('input').setValue('eva')
    vi.advanceTimersByTime(200)
    await flushPromises()
    expect(page.find('[role=alert]').text()).toContain('No answer')
  })

  it('are removed after asking, by staff only', async () => {
    const { press, removeMember, store, page } = await panel()
    await press('Remove Clara Jensen')
    removeMember.mockRejectedValueOnce(refused('not_found'))
    await press('Remove')
    expect(document.querySelector('dialog [role=alert]')?.textContent).toContain('not there any more')
    await press('Remove')
    expect(removeMember).toHaveBeenLastCalledWith(CONVERSATION, CLARA)
    expect(document.querySelector('dialog')).toBeNull()
    store.session = { phase: 'signed-in', account: { id: ME, name: 'Mia Own', role: 'client', email: null } }
    await settled()
    expect(page.find('.remove').exists()).toBe(false)
  })
})

describe('starting a conversation', () => {
  const subject = (text: string) => {
    const field = document.querySelector<HTMLInputElement>('dialog form input')!
    field.value = text
    field.dispatchEvent(new Event('input'))
    return settled()
  }

  it('needs a subject and somebody, and goes there', async () => {
    const { page, press, create, router } = await shown(StartConversation, {})
    await subject(' Crane ')
    document.querySelector('dialog form')!.dispatchEvent(new Event('submit'))
    expect(create).not.toHaveBeenCalled()
    expect(document.querySelector('dialog .needs')?.textContent).toContain('somebody to talk to')
    document.querySelector<HTMLElement>('.found button')!.click()
    await settled()
    expect(document.querySelector('dialog .needs')).toBeNull()
    await press('Leave Eva Lind out')
    document.querySelector<HTMLElement>('.found button')!.click()
    await settled()
    create.mockRejectedValueOnce(new Unreachable('gone'))
    await press('Start')
    expect(document.querySelector('dialog [role=alert]')?.textContent).toContain('not certain')
    await press('Start')
    expect(create.mock.calls[1]?.[0]).toMatchObject({ subject: 'Crane', members: [EVA.id], project: null })
    expect(create.mock.calls[1]?.[0].key).toBe(create.mock.calls[0]?.[0].key)
    expect(page.emitted('close')).toHaveLength(1)
    expect(router.currentRoute.value.params['conversation']).toBe(CONVERSATION)
  })

  it('is with whom one came to write to', async () => {
    await shown(StartConversation, { with: EVA })
    expect(document.querySelector('.chosen')?.textContent).toContain('Eva Lind')
  })

  it('has a client choose a project of theirs: the only one by itself', async () => {
    const given = world()
    given.store.session = { phase: 'signed-in', account: { id: ME, name: 'Mia Own', role: 'client', email: null } }
    const begin = async () => (await shown(StartConversation, {}, given)).page
    const first = await begin()
    expect(document.querySelector('select')!.value).toBe('p1')
    first.unmount()
    given.findProjects.mockResolvedValueOnce([])
    const second = await begin()
    expect(document.querySelector('dialog')?.textContent).toContain('in no project yet')
    second.unmount()
    given.findProjects.mockRejectedValueOnce(refused('unauthenticated'))
    await begin()
    expect(document.querySelector('dialog [role=alert]')?.textContent).toContain('session has ended')
  })
})
