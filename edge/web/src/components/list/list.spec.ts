import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { withLayout } from '../../../tests/layout'
import { conversation, fakeStore } from '../../../tests/store'
import { ADAM, CLARA, message } from '../../../tests/timelines'
import { CHOICE, makeChoice } from './choice'
import { ALL, chosen, type Filter } from './chosen'
import ConversationList from './ConversationList.vue'
import ListSkeleton from './ListSkeleton.vue'

// The pages of the real routes are read as chunks, which is nothing to wait for here.
const nothing = { render: () => null }
const routes = [{ path: '/', name: 'home', component: nothing }, { path: '/c/:conversation', name: 'conversation', component: nothing }]
const words = { project: (id: string) => (id === 'p' ? 'Pont d’Été' : ''), person: (id: string) => ({ [CLARA]: 'Clara Jensen', [ADAM]: 'Adam Ode' })[id] ?? '' }
const talks = [
  conversation({ id: 'a', subject: 'Harbour', unread: 2, members: [CLARA] }),
  conversation({ id: 'b', subject: 'Quay wall', project: 'p', status: 'closed', members: null, lastMessage: null }),
  conversation({ id: 'c', subject: '', members: [ADAM], lastMessage: message(3, { body: 'The **drawings** are late' }) }),
]
const ids = (filter: Partial<Filter>, query = '') => chosen(talks, { ...ALL, ...filter }, query, words).map(({ id }) => id).join('')

describe('what the list shows', () => {
  it('is all of it, what is open, or what is closed; and of that what is unread', () => {
    expect([ids({}), ids({ standing: 'open' }), ids({ standing: 'closed' })]).toEqual(['abc', 'ac', 'b'])
    expect([ids({ unread: true }), ids({ unread: true, standing: 'open' }), ids({ unread: true, standing: 'closed' })]).toEqual(['a', 'a', ''])
  })

  it('is what begins with every word, wherever it stands and however it is written', () => {
    expect(ids({}, ' HARB clara ')).toBe('a')
    expect(ids({}, 'ete')).toBe('b')
    expect(ids({}, 'drawings')).toBe('c')
    expect(ids({}, 'arbour')).toBe('')
    expect(ids({ standing: 'closed' }, 'harbour')).toBe('')
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

  async function show(conversations: readonly ReturnType<typeof conversation>[], currentAt: number | null = 1, choice = makeChoice()) {
    fake.store.$patch((state) => {
      state.conversations = conversations
      state.connection = { ...state.connection, currentAt }
    })
    router = createRouter({ history: createMemoryHistory(), routes })
    page = mount(ConversationList, { global: { plugins: [fake.pinia, router], provide: { [CHOICE as symbol]: choice } }, slots: { start: '<button>Start one</button>' }, attachTo: document.body })
    await flushPromises()
    await flushPromises()
  }
  const subjects = () => page.findAll('nav a').map((one) => one.find('.subject').text())

  it('is searched and filtered, says so when nothing fits, and shows all again', async () => {
    await show(talks)
    expect(subjects()).toEqual(['Harbour', 'Quay wall', 'Without a subject'])
    await page.find('.filters .unread').trigger('click')
    expect(page.find('.filters .unread').attributes('aria-pressed')).toBe('true')
    expect(subjects()).toEqual(['Harbour'])
    await page.find('input').setValue('quay')
    expect(page.find('.none').text()).toContain('No conversation matches.')
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

  it('is of one project where one was chosen, until that is dropped', async () => {
    const choice = makeChoice()
    choice.project.value = 'p'
    await show(talks, 1, choice)
    expect(subjects()).toEqual(['Quay wall'])
    await page.find('.filters .project').trigger('click')
    await flushPromises()
    await flushPromises()
    expect(subjects()).toHaveLength(3)
  })

  it('opens the first that fits with Enter', async () => {
    await show(talks)
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
    const skeleton = page.findComponent(ListSkeleton)
    expect(skeleton.isVisible()).toBe(false)
    expect(page.find('nav').attributes('aria-busy')).toBe('true')
    await vi.advanceTimersByTimeAsync(200)
    expect(skeleton.isVisible()).toBe(true)
  })

  it('is none that is empty while the server is known to have some', async () => {
    vi.useFakeTimers()
    await show([])
    fake.store.unlisted = 2
    await vi.advanceTimersByTimeAsync(200)
    expect(page.findComponent(ListSkeleton).isVisible()).toBe(true)
    await vi.advanceTimersByTimeAsync(8000)
    expect(page.find('[role=alert]').text()).toContain('The list could not be loaded.')
  })

  it('says that there is no connection where nothing is known, but not at once, and tries when asked', async () => {
    vi.useFakeTimers()
    const retried = vi.fn()
    fake.store.parley.retryNow = retried
    await show([], null)
    fake.store.connection = { ...fake.store.connection, phase: 'offline' }
    await vi.advanceTimersByTimeAsync(1000)
    expect(page.find('[role=alert]').exists()).toBe(false)
    await vi.advanceTimersByTimeAsync(1500)
    expect(page.find('[role=alert]').text()).toContain('No connection.')
    await page.find('[role=alert] button').trigger('click')
    expect(retried).toHaveBeenCalledOnce()
    fake.store.connection = { ...fake.store.connection, phase: 'live', currentAt: 1 }
    await vi.advanceTimersByTimeAsync(10)
    expect(page.find('.none').text()).toContain('Those that you start')
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
