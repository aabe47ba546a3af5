import { beforeEach, describe, expect, it, vi } from 'vitest'
import { show, type Window } from './opening'
import { activate, answer, install, type Parts, type Shell } from './shell'

const ORIGIN = 'https://parley.example'
const FILES = ['/assets/index-1.js', '/assets/index-1.css', '/icons/parley.svg']
const shell = (version: string, files = FILES): Shell => ({ version, files })

/** A CacheStorage that holds what it is given, in the order in which caches were opened. */
function fakeCaches() {
  const all = new Map<string, Map<string, Response>>()
  const cache = (kept: Map<string, Response>) => ({
    match: (file: string) => Promise.resolve(kept.get(file)?.clone()),
    put: vi.fn((file: string, response: Response) => Promise.resolve(void kept.set(file, response))),
  })
  const caches = {
    open: (name: string) => {
      if (!all.has(name)) all.set(name, new Map())
      return Promise.resolve(cache(all.get(name)!))
    },
    keys: () => Promise.resolve([...all.keys()]),
    delete: (name: string) => Promise.resolve(all.delete(name)),
    match: (file: string) => Promise.resolve([...all.values()].map((kept) => kept.get(file)).find((found) => found !== undefined)?.clone()),
  }
  return { all, caches: caches as unknown as CacheStorage }
}

let fake: ReturnType<typeof fakeCaches>
let fetched: string[]
let network: (path: string) => Response
let parts: Parts

beforeEach(() => {
  fake = fakeCaches()
  fetched = []
  network = (path) => new Response(`fresh ${path}`)
  const fetch = (asked: Request | string) => {
    const path = typeof asked === 'string' ? asked : new URL(asked.url).pathname
    fetched.push(path)
    return Promise.resolve(network(path))
  }
  parts = { caches: fake.caches, fetch, origin: ORIGIN }
})

/** A request as a browser makes it; `new Request` refuses the mode of a navigation. */
const asked = (path: string, more: { mode?: string; method?: string } = {}) => ({ url: new URL(path, ORIGIN).href, method: 'GET', mode: 'cors', ...more }) as Request
const text = async (found: Promise<Response> | undefined) => (await found)?.text()

describe('a version', () => {
  it('is kept as a whole, with its page', async () => {
    await install(shell('1'), parts)
    expect([...fake.all.get('parley-shell-1')!.keys()].sort()).toEqual(['/assets/index-1.css', '/assets/index-1.js', '/icons/parley.svg', '/index.html'])
  })

  it('does not count where anything of it is missing', async () => {
    network = (path) => new Response('', { status: path.endsWith('.css') ? 404 : 200 })
    await expect(install(shell('1'), parts)).rejects.toThrow('/assets/index-1.css could not be fetched: 404')
  })

  it('takes what the one before has of it, but for what has no digest in its name', async () => {
    await install(shell('1'), parts)
    fetched = []
    await install(shell('2', ['/assets/index-1.js', '/assets/index-2.css', '/icons/parley.svg']), parts)
    expect(fetched.sort()).toEqual(['/assets/index-2.css', '/icons/parley.svg', '/index.html'])
  })

  it('leaves the one before to the pages that are still of it, and removes those before that', async () => {
    fake.all.set('of-somebody-else', new Map())
    for (const version of ['1', '2', '3']) await install(shell(version), parts)
    await activate(shell('3'), parts)
    expect([...fake.all.keys()]).toEqual(['of-somebody-else', 'parley-shell-2', 'parley-shell-3'])
  })
})

describe('a request', () => {
  beforeEach(async () => {
    await install(shell('1'), parts)
    fetched = []
  })

  it.each(['/', '/c/5d3c/7', '/sign-in', '/index.html'])('for the page %s is answered without a network', async (path) => {
    expect(await text(answer(asked(path, { mode: 'navigate' }), shell('1'), parts))).toBe('fresh /index.html')
    expect(fetched).toEqual([])
  })

  it.each(FILES)('for %s, too', async (path) => {
    expect(await text(answer(asked(path), shell('1'), parts))).toBe(`fresh ${path}`)
    expect(fetched).toEqual([])
  })

  it.each([
    ['/api/v1/conversations', {}],
    ['/api/docs', { mode: 'navigate' }],
    ['/files/5d3c/original', { mode: 'navigate' }],
    ['/ws', {}],
    ['/healthz', { mode: 'navigate' }],
    ['/readyz', {}],
    ['/c/x.json', { mode: 'navigate' }],
    ['/elsewhere.png', {}],
    ['/', { method: 'POST', mode: 'navigate' }],
    ['https://evil.example/assets/index-1.js', {}],
  ])('for %s %o is none of its business', (path, more) => {
    expect(answer(asked(path, more), shell('1'), parts)).toBeUndefined()
  })

  it('for a font of another script is answered by the network once', async () => {
    const font = asked('/assets/inter-greek-9.woff2')
    expect(await text(answer(font, shell('1'), parts))).toBe('fresh /assets/inter-greek-9.woff2')
    expect(await text(answer(font, shell('1'), parts))).toBe('fresh /assets/inter-greek-9.woff2')
    expect(fetched).toEqual(['/assets/inter-greek-9.woff2'])
  })

  it('for what is gone from the server says so, and keeps nothing', async () => {
    network = () => new Response('', { status: 404 })
    const gone = await answer(asked('/assets/gone-1.js'), shell('1'), parts)
    expect(gone?.status).toBe(404)
    expect(fake.all.get('parley-shell-1')!.has('/assets/gone-1.js')).toBe(false)
  })

  it('for a part of the version before is answered from there', async () => {
    await install(shell('2', ['/assets/index-2.js']), parts)
    fetched = []
    expect(await text(answer(asked('/assets/index-1.js'), shell('2', ['/assets/index-2.js']), parts))).toBe('fresh /assets/index-1.js')
    expect(fetched).toEqual([])
  })

  it('is answered by the network where the browser threw the cache away', async () => {
    fake.all.clear()
    expect(await text(answer(asked('/icons/parley.svg'), shell('1'), parts))).toBe('fresh /icons/parley.svg')
  })
})

describe('a notification that was clicked', () => {
  const open = (focused: boolean, focus = () => Promise.resolve()) => ({ url: ORIGIN, focused, focus: vi.fn(focus), postMessage: vi.fn() }) satisfies Window

  it('is shown by the window that is used', async () => {
    const [behind, used] = [open(false), open(true)]
    await show('/c/5d3c/7', { all: () => Promise.resolve([behind, used]), open: vi.fn() })
    expect(used.focus).toHaveBeenCalled()
    expect(used.postMessage).toHaveBeenCalledWith({ type: 'show', path: '/c/5d3c/7' })
    expect(behind.postMessage).not.toHaveBeenCalled()
  })

  it('is shown by any window, also where it may not come to the front', async () => {
    const one = open(false, () => Promise.reject(new Error('not allowed')))
    await show('/c/5d3c', { all: () => Promise.resolve([one]), open: vi.fn() })
    expect(one.postMessage).toHaveBeenCalledWith({ type: 'show', path: '/c/5d3c' })
  })

  it('opens a window where there is none', async () => {
    const opened = vi.fn(() => Promise.resolve())
    await show('/c/5d3c', { all: () => Promise.resolve([]), open: opened })
    expect(opened).toHaveBeenCalledWith('/c/5d3c')
  })
})

describe('the worker', () => {
  it('hands its events to these', async () => {
    const events = new Map<string, (event: object) => void>()
    const skipWaiting = vi.fn(() => Promise.resolve())
    const claim = vi.fn(() => Promise.resolve())
    const openWindow = vi.fn(() => Promise.resolve(null))
    vi.stubGlobal('__SHELL__', shell('1'))
    vi.stubGlobal('self', {
      caches: fake.caches,
      fetch: parts.fetch,
      location: { origin: ORIGIN },
      clients: { claim, openWindow, matchAll: () => Promise.resolve([]) },
      skipWaiting,
      addEventListener: (type: string, listener: (event: object) => void) => events.set(type, listener),
    })
    await import('./sw')
    const told = async (type: string, event: object) => {
      const waits: Promise<unknown>[] = []
      const keep = (promise: Promise<unknown>) => void waits.push(promise)
      events.get(type)!({ ...event, waitUntil: keep, respondWith: keep })
      return Promise.all(waits)
    }
    await told('install', {})
    await told('activate', {})
    expect(claim).toHaveBeenCalled()
    expect(await told('fetch', { request: asked('/', { mode: 'navigate' }) })).toHaveLength(1)
    expect(await told('fetch', { request: asked('/api/v1/me') })).toEqual([])
    await told('message', { data: null })
    expect(skipWaiting).not.toHaveBeenCalled()
    await told('message', { data: { type: 'take-over' } })
    expect(skipWaiting).toHaveBeenCalled()
    const close = vi.fn()
    await told('notificationclick', { notification: { close, data: null } })
    expect(openWindow).not.toHaveBeenCalled()
    await told('notificationclick', { notification: { close, data: { path: '/c/5d3c' } } })
    expect(openWindow).toHaveBeenCalledWith('/c/5d3c')
    expect(close).toHaveBeenCalledTimes(2)
    vi.unstubAllGlobals()
  })
})
