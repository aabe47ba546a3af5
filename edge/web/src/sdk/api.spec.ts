// @vitest-environment node
import { describe, expect, it, vi } from 'vitest'
import { Api } from './api'
import { type Credentials, HostToken, SessionCookie } from './credentials'
import { ApiError, Unreachable } from './faults'

const answer = (status: number, body?: unknown): Response =>
  new Response(body === undefined ? null : typeof body === 'string' ? body : JSON.stringify(body), { status })

function api(...answers: (Response | Error)[]): { api: Api; fetch: ReturnType<typeof vi.fn> } {
  const fetch = vi.fn<typeof globalThis.fetch>(() => {
    const next = answers.shift()!
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next)
  })
  return { api: new Api({ url: 'http://host:1/', fetch }), fetch }
}

const said = (fetch: ReturnType<typeof vi.fn>, at = 0): { url: string; init: RequestInit } => {
  const [url, init] = fetch.mock.calls[at] as [URL, RequestInit]
  return { url: String(url), init }
}

describe('a request', () => {
  it('names what it wants, under which key, and who asks', async () => {
    const { api: mine, fetch } = api(answer(201, { id: 'x' }))
    mine.credentials = new HostToken(() => Promise.resolve('t'))
    expect(await mine.post('conversations', { subject: 'S' }, 'key')).toEqual({ id: 'x' })
    const { url, init } = said(fetch)
    expect(url).toBe('http://host:1/api/v1/conversations')
    expect(init).toMatchObject({ method: 'POST', body: '{"subject":"S"}', credentials: 'same-origin' })
    expect(init.headers).toEqual({
      Authorization: 'Bearer t', 'Content-Type': 'application/json', 'Idempotency-Key': 'key',
    })
  })

  it('leaves out what is not given', async () => {
    const { api: mine, fetch } = api(answer(200, { items: [] }), answer(204), answer(204), answer(204))
    await mine.conversations(50, null)
    expect(said(fetch).url).toBe('http://host:1/api/v1/conversations?limit=50')
    expect(said(fetch).init.headers).toEqual({})
    expect(await mine.put('a')).toBeUndefined()
    expect(await mine.delete('a', 'k')).toBeUndefined()
    expect(await mine.patch('a', {})).toBeUndefined()
    expect([1, 2, 3].map((at) => said(fetch, at).init.method)).toEqual(['PUT', 'DELETE', 'PATCH'])
  })

  it('that is refused says why', async () => {
    const problem = { code: 'rate_limited', detail: 'Slow.', field: 'body', retry_after: 2, status: 429 }
    const fault = await api(answer(429, problem)).api.me().catch((error: unknown) => error)
    expect(fault).toBeInstanceOf(ApiError)
    expect(fault).toMatchObject({ status: 429, code: 'rate_limited', detail: 'Slow.', field: 'body', retryAfter: 2 })
  })

  it('that something between us and the server refuses says what it can', async () => {
    const fault = await api(answer(502, '<h1>Bad gateway</h1>')).api.account('a').catch((error: unknown) => error)
    expect(fault).toMatchObject({ status: 502, code: 'unavailable', detail: '<h1>Bad gateway</h1>', field: null, retryAfter: null })
    const empty = await api(answer(503, '[]')).api.project('p').catch((error: unknown) => error)
    expect(empty).toMatchObject({ status: 503, code: 'unavailable' })
  })

  it('without an answer leaves open what became of it', async () => {
    await expect(api(new TypeError('fetch failed')).api.me()).rejects.toBeInstanceOf(Unreachable)
  })

  it('is said once more with new credentials, and not a third time', async () => {
    const { api: mine, fetch } = api(answer(401, {}), answer(200, { id: 'me' }), answer(401, {}), answer(401, {}), answer(401, {}))
    const renew = vi.fn(() => Promise.resolve(true))
    mine.credentials = { token: () => Promise.resolve(null), renew }
    expect(await mine.me()).toEqual({ id: 'me' })
    await expect(mine.me()).rejects.toMatchObject({ status: 401 })
    expect(fetch).toHaveBeenCalledTimes(4)
    renew.mockResolvedValueOnce(false)
    await expect(mine.me()).rejects.toMatchObject({ status: 401 })
    expect(fetch).toHaveBeenCalledTimes(5)
  })
})

describe('a session cookie', () => {
  it('is renewed once for all who ask at a time', async () => {
    const refresh = vi.fn(() => Promise.resolve())
    const cookie = new SessionCookie(refresh)
    expect(await cookie.token()).toBeNull()
    expect(await Promise.all([cookie.renew(), cookie.renew()])).toEqual([true, true])
    expect(refresh).toHaveBeenCalledTimes(1)
  })

  it.each([[new ApiError(401, {}), false], [new ApiError(403, {}), false]])('has ended where the server says so', async (fault, still) => {
    expect(await new SessionCookie(() => Promise.reject(fault)).renew()).toBe(still)
  })

  it.each([new ApiError(429, {}), new ApiError(503, {}), new Unreachable()])('may still be good where nobody can tell', async (fault) => {
    await expect(new SessionCookie(() => Promise.reject(fault)).renew()).rejects.toBe(fault)
  })
})

describe("a host's token", () => {
  const host = (...tokens: (string | Error)[]): { token: Credentials; asked: boolean[] } => {
    const asked: boolean[] = []
    const token = new HostToken((refused) => {
      asked.push(refused)
      const next = tokens.shift()!
      return next instanceof Error ? Promise.reject(next) : Promise.resolve(next)
    })
    return { token, asked }
  }

  it('is asked for once, and again when it is refused', async () => {
    const { token, asked } = host('one', 'two')
    expect([await token.token(), await token.token()]).toEqual(['one', 'one'])
    expect(await Promise.all([token.renew(), token.renew()])).toEqual([true, true])
    expect(await token.token()).toBe('two')
    expect(asked).toEqual([false, true])
  })

  it('that comes back the same, or not at all, is none', async () => {
    const same = host('one', 'one')
    await same.token.token()
    expect(await same.token.renew()).toBe(false)
    expect(await host(new ApiError(401, {})).token.renew()).toBe(false)
    await expect(host(new TypeError('no network')).token.renew()).rejects.toThrow('no network')
  })

  it('that failed to come is asked for again', async () => {
    const { token } = host(new TypeError('no network'), 'one')
    await expect(token.token()).rejects.toThrow()
    expect(await token.token()).toBe('one')
  })
})
