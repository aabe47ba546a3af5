import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { withLayout } from '../../../tests/layout'
import { conversation, fakeStore } from '../../../tests/store'
import { ADAM, CLARA, message } from '../../../tests/timelines'
import { chosen } from './chosen'
import ConversationList from './ConversationList.vue'

// The pages of the real routes are read as chunks, which is nothing to wait for here.
const nothing = { render: () => null }
const routes = [{ path: '/', name: 'home', component: nothing }, { path: '/c/:conversation', name: 'conversation', component: nothing }]
const words = { project: (id: string) => (id === 'p' ? 'Pont d’Été' : ''), person: (id: string) => ({ [CLARA]: 'Clara Jensen', [ADAM]: 'Adam Ode' })[id] ?? '' }
const talks = [
  conversation({ id: 'a', subject: 'Harbour', unread: 2, members: [CLARA] }),
  conversation({ id: 'b', subject: 'Quay wall', project: 'p', status: 'closed', members: null, lastMessage: null }),
  conversation({ id: 'c', subject: '', members: [ADAM], lastMessage: message(3, { body: 'The **drawings** are late' }) }),
]
const ids = (filter: Parameters<typeof chosen>[1], query = '') => chosen(talks, filter, query, words).map(({ id }) => id).join('')

describe('what the list shows', () => {
  it('is all of it, what is unread, what is open, or what is closed', () => {
    expect([ids('all'), ids('unread'), ids('open'), ids('closed')]).toEqual(['abc', 'a', 'ac', 'b'])
  })

  it('is what begins with every word, wherever it stands and however it is written', () => {
    expect(ids('all', ' HARB clara ')).toBe('a')
    expect(ids('all', 'ete')).toBe('b')
    expect(ids('all', 'drawings')).toBe('c')
    expect(ids('all', 'arbour')).toBe('')
    expect(ids('closed', 'harbour')).toBe('')
  })
})

describe('the list', () => {
  const watched = vi.fn()
  let page: VueWrapper
  let fake: ReturnType<typeof fakeStore>
  let router: ReturnType<typeof createRouter>

  beforeEach(() => {
    withLayout()
    fake = fakeStore()
    watched.mockClear()
    fake.store.parley.watch = watched
  })
  afterEach(() => {
    page.unmount()
    vi.useRealTimers()
  })

  async function show(conversations: readonly ReturnType<typeof conversation>[], currentAt: number | null = 1) {
    fake.store.$patch((state) => {
      state.conversations = conversations
      state.connection = { ...state.connection, currentAt }
    })
    router = createRouter({ history: createMemoryHistory(), routes })
    page = mount(ConversationList, { global: { plugins: [fake.pinia, router] }, slots: { start: '<button>Start one</button>' }, attachTo: document.body })
    await flushPromises()
    await flushPromises()
  }
  const subjects = () => page.findAll('nav a').map((one) => one.find('.subject').text())

  it('is searched and filtered, says so when nothing fits, and shows all again', async () => {
    await show(talks)
    expect(subjects()).toEqual(['Harbour', 'Quay wall', 'Without a subject'])
    await page.findAll('.filters button')[1]!.trigger('click')
    expect(page.findAll('.filters button')[1]!.attributes('aria-pressed')).toBe('true')
    expect(subjects()).toEqual(['Harbour'])
    await page.find('input').setValue('quay')
    expect(page.find('.none').text()).toContain('No conversation fits.')
    await page.find('.none button').trigger('click')
    await flushPromises()
    await flushPromises()
    expect(subjects()).toHaveLength(3)
  })

  it('forgets the search by its button and by Escape', async () => {
    await show(talks)
    await page.find('input').setValue('quay')
    await page.find('.search button').trigger('click')
    expect(subjects()).toHaveLength(3)
    await page.find('input').setValue('quay')
    await page.find('input').trigger('keydown', { key: 'Escape' })
    expect(subjects()).toHaveLength(3)
    expect(page.find('.search button').exists()).toBe(false)
  })

  it('is searched from anywhere with Ctrl-K, and Enter opens the first that fits', async () => {
    await show(talks)
    window.dispatchEvent(new KeyboardEvent('keydown', { key: 'k' }))
    expect(document.activeElement).toBe(document.body)
    window.dispatchEvent(new KeyboardEvent('keydown', { key: 'K', metaKey: true }))
    expect(document.activeElement).toBe(page.find('input').element)
    await page.find('input').setValue('nothing fits')
    await page.find('input').trigger('keydown', { key: 'Enter' })
    await page.find('input').setValue('quay')
    await page.find('input').trigger('keydown', { key: 'Enter' })
    await flushPromises()
    expect(router.currentRoute.value.params['conversation']).toBe('b')
  })

  it('draws no more than is seen, and watches the presence of the first twenty', async () => {
    await show(Array.from({ length: 10_000 }, (_, n) => conversation({ id: `c${n}`, subject: `Talk ${n}` })))
    expect(subjects().length).toBeLessThan(100)
    expect(watched.mock.calls.at(-1)![0]).toHaveLength(20)
  })

  it('is a shape of itself while nothing is known, but not at once', async () => {
    vi.useFakeTimers()
    await show([], null)
    expect(page.find('.skeletons').isVisible()).toBe(false)
    expect(page.find('nav').attributes('aria-busy')).toBe('true')
    await vi.advanceTimersByTimeAsync(200)
    expect(page.find('.skeletons').isVisible()).toBe(true)
  })

  it('names the project of each, once it is known', async () => {
    fake.store.parley.project = vi.fn(() => undefined)
    await show(talks)
    expect(page.findAll('.project')).toHaveLength(0)
    fake.store.$patch((state) => (state.projects = new Map([['p', { id: 'p', name: 'Harbour Bridge', members: 2 }]])))
    await flushPromises()
    expect(page.findAll('.project').map((one) => one.text())).toEqual(['Harbour Bridge'])
  })

  it('is walked with Alt and the arrows, also while one writes', async () => {
    await show(talks)
    const at = async (key: string, more: KeyboardEventInit = { altKey: true }) => {
      window.dispatchEvent(new KeyboardEvent('keydown', { key, cancelable: true, ...more }))
      await flushPromises()
      return router.currentRoute.value.params['conversation']
    }
    expect(await at('ArrowDown')).toBe('a')
    expect(await at('ArrowDown')).toBe('b')
    expect(await at('ArrowUp')).toBe('a')
    expect(await at('ArrowUp')).toBe('a')
    expect(await at('ArrowDown', {})).toBe('a')
    expect(await at('ArrowDown', { altKey: true, ctrlKey: true })).toBe('a')
    expect(await at('Enter')).toBe('a')
    const dialog = document.createElement('dialog')
    document.body.append(dialog)
    dialog.show()
    expect(await at('ArrowDown')).toBe('a')
    dialog.remove()
  })

  it('says what an empty one is for', async () => {
    await show([])
    expect(page.find('.none').text()).toContain('You are in no conversation yet.')
    expect(page.find('.none').text()).toContain('Start one')
    expect(watched.mock.calls.at(-1)![0]).toEqual([])
  })
})
