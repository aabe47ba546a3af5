// @vitest-environment node
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Api } from './api'
import { Unreachable } from './faults'
import { STALL_MS, Tus } from './tus'

const asked = (progress?: (sent: number) => void) => ({ signal: new AbortController().signal, ...(progress ? { progress } : {}) })

interface Call {
  readonly address: string
  readonly init: RequestInit
}

function talking(...answers: (Response | Error)[]) {
  const calls: Call[] = []
  const fetch = ((address: string, init: RequestInit) => {
    calls.push({ address, init })
    const answer = answers.shift()!
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
  }) as typeof globalThis.fetch
  const api = new Api({ url: 'https://parley.example', fetch })
  return { calls, api, tus: new Tus(api, { fetch, XMLHttpRequest: undefined }) }
}

afterEach(() => vi.useRealTimers())

describe('tus', () => {
  it('creates a file under its name, whatever script that is in, and takes its id from where it is', async () => {
    const { tus, calls } = talking(new Response(null, { status: 201, headers: { Location: 'https://behind.example/api/v1/files/f-1?x=1', 'Upload-Offset': '0' } }))
    expect(await tus.create('Plan ‮gnp.ö', 7, asked())).toEqual({ file: 'f-1', offset: 0 })
    const { address, init } = calls[0]!
    expect(address).toBe('https://parley.example/api/v1/files')
    const headers = init.headers as Record<string, string>
    expect(headers).toMatchObject({ 'Tus-Resumable': '1.0.0', 'Upload-Length': '7' })
    expect(Buffer.from(headers['Upload-Metadata']!.replace('filename ', ''), 'base64').toString()).toBe('Plan ‮gnp.ö')
    expect(init).toMatchObject({ method: 'POST', credentials: 'same-origin', cache: 'no-store' })
  })

  it('asks, sends a part and ends, each at the file’s own address', async () => {
    const { tus, calls } = talking(
      new Response(null, { headers: { 'Upload-Offset': '3' } }),
      new Response(null, { status: 204, headers: { 'Upload-Offset': '7' } }),
      new Response(null, { status: 204 }),
    )
    expect(await tus.offset('f', asked())).toBe(3)
    expect(await tus.append('f', 3, new Blob(['4567']), asked())).toBe(7)
    await tus.end('f', asked())
    expect(calls.map(({ address, init }) => `${init.method} ${address}`)).toEqual(['HEAD', 'PATCH', 'DELETE'].map((method) => `${method} https://parley.example/api/v1/files/f`))
    expect(calls[1]!.init.headers).toMatchObject({ 'Upload-Offset': '3', 'Content-Type': 'application/offset+octet-stream' })
  })

  it('renews a refused credential once, and speaks with a host’s token', async () => {
    const { tus, api, calls } = talking(new Response(null, { status: 401 }), new Response(null, { headers: { 'Upload-Offset': '1' } }), new Response(null, { status: 401 }))
    const renew = vi.fn(() => Promise.resolve(renew.mock.calls.length === 1))
    api.credentials = { token: () => Promise.resolve('secret'), renew }
    expect(await tus.offset('f', asked())).toBe(1)
    expect(calls[1]!.init.headers).toMatchObject({ Authorization: 'Bearer secret' })
    await expect(tus.offset('f', asked())).rejects.toMatchObject({ status: 401 })
    expect(renew).toHaveBeenCalledTimes(2)
  })

  it('says what the server said, also where that is no problem document', async () => {
    const { tus } = talking(
      new Response(JSON.stringify({ code: 'quota_exceeded', detail: 'full' }), { status: 413 }),
      new Response('<html>', { status: 503, headers: { 'Retry-After': '9' } }),
      new Response('7', { status: 400 }),
      new TypeError('no network'),
      new Response(null, { status: 201 }),
      new Response(null, { headers: { 'Upload-Offset': 'much' } }),
    )
    await expect(tus.create('a', 1, asked())).rejects.toMatchObject({ status: 413, code: 'quota_exceeded' })
    await expect(tus.offset('f', asked())).rejects.toMatchObject({ status: 503, retryAfter: 9 })
    await expect(tus.offset('f', asked())).rejects.toMatchObject({ status: 400, code: 'unavailable' })
    await expect(tus.offset('f', asked())).rejects.toBeInstanceOf(Unreachable)
    await expect(tus.create('a', 1, asked())).rejects.toBeInstanceOf(Unreachable)
    await expect(tus.offset('f', asked())).rejects.toBeInstanceOf(Unreachable)
  })
})

class FakeRequest {
  static last: FakeRequest
  readonly upload: { onprogress: ((event: { loaded: number }) => void) | null } = { onprogress: null }
  readonly headers: Record<string, string> = {}
  onload: (() => void) | null = null
  onerror: (() => void) | null = null
  onabort: (() => void) | null = null
  status = 204
  responseText = ''
  opened = ''
  aborted = false
  constructor() {
    FakeRequest.last = this
  }
  open(method: string, address: string): void {
    this.opened = `${method} ${address}`
  }
  setRequestHeader(name: string, value: string): void {
    this.headers[name] = value
  }
  getResponseHeader(name: string): string | null {
    return name === 'Upload-Offset' ? '4' : null
  }
  send(): void {}
  abort(): void {
    this.aborted = true
    this.onabort?.()
  }
}

describe('a part that is watched', () => {
  function watched(signal = new AbortController().signal) {
    const fetch = (() => Promise.reject(new Error('not this way'))) as typeof globalThis.fetch
    const tus = new Tus(new Api({ url: 'https://parley.example', fetch }), { fetch, XMLHttpRequest: FakeRequest as unknown as typeof XMLHttpRequest })
    const told: number[] = []
    const sent = tus.append('f', 0, new Blob(['abcd']), { signal, progress: (count) => told.push(count) })
    const ended = sent.catch((fault: unknown) => fault)
    return { sent, ended, told }
  }

  it('tells how far it is', async () => {
    const { sent, told } = watched()
    await Promise.resolve()
    const { last } = FakeRequest
    expect(last.opened).toBe('PATCH https://parley.example/api/v1/files/f')
    expect(last.headers).toMatchObject({ 'Upload-Offset': '0' })
    last.upload.onprogress!({ loaded: 2 })
    last.onload!()
    expect(await sent).toBe(4)
    expect(told).toEqual([2])
  })

  it('is given up when told so, when nothing moves, and when the connection breaks', async () => {
    vi.useFakeTimers()
    const over = new AbortController()
    const told = watched(over.signal)
    await Promise.resolve()
    over.abort()
    expect(await told.ended).toBeInstanceOf(Unreachable)
    expect(FakeRequest.last.aborted).toBe(true)

    const still = watched()
    await Promise.resolve()
    vi.advanceTimersByTime(STALL_MS - 1)
    FakeRequest.last.upload.onprogress!({ loaded: 1 })
    vi.advanceTimersByTime(STALL_MS - 1)
    expect(FakeRequest.last.aborted).toBe(false)
    vi.advanceTimersByTime(1)
    expect(await still.ended).toBeInstanceOf(Unreachable)

    const broken = watched()
    await Promise.resolve()
    FakeRequest.last.onerror!()
    expect(await broken.ended).toBeInstanceOf(Unreachable)
    expect(await watched(AbortSignal.abort()).ended).toBeInstanceOf(Unreachable)
  })
})
