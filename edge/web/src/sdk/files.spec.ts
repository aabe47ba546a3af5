// @vitest-environment node
import { describe, expect, it } from 'vitest'
import { Api } from './api'
import { ApiError, Unreachable } from './faults'
import { Files } from './files'

const START = Date.UTC(2026, 10, 24, 9)
const ATTACHMENT = { id: 'f', name: 'a.png', type: 'image/png', size: 7, state: 'clean', revision: 1, previews: true }

function knowing(answers: Record<string, (url: URL) => Response>) {
  const asked: string[] = []
  let now = START
  const fetch = ((input: URL | string, init: RequestInit = {}) => {
    const url = new URL(input)
    const path = `${init.method ?? 'GET'} ${url.pathname.replace('/api/v1/', '')}`
    asked.push(path + url.search)
    const answer = answers[path]
    return answer === undefined ? Promise.reject(new TypeError('no network')) : Promise.resolve(answer(url))
  }) as typeof globalThis.fetch
  const files = new Files(new Api({ url: 'https://parley.example', fetch }), { fetch, now: () => now })
  return { files, asked, later: (ms: number) => (now += ms), answers }
}
const json = (body: unknown, status = 200) => () => new Response(JSON.stringify(body), { status })
const address = (count: () => number) => () => {
  const n = count()
  return new Response(JSON.stringify({ url: `/files/f/small?n=${n}`, expires_at: new Date(START + 300_000 * n).toISOString() }))
}

describe('files of the server', () => {
  it('are at one address until it is about to expire', async () => {
    let count = 0
    const { files, asked, later } = knowing({ 'GET files/f/url': address(() => (count += 1)) })
    const [one, other] = await Promise.all([files.url('f', 'small'), files.url('f', 'small')])
    expect(one).toBe('https://parley.example/files/f/small?n=1')
    expect(other).toBe(one)
    expect(asked).toEqual(['GET files/f/url?variant=small'])
    later(269_000)
    expect(await files.url('f', 'small')).toBe(one)
    later(2_000)
    expect(await Promise.all([files.url('f', 'small'), files.url('f', 'small')])).toEqual(Array(2).fill('https://parley.example/files/f/small?n=2'))
    await files.url('f', 'original', { download: true })
    expect(asked.at(-1)).toBe('GET files/f/url?variant=original&download=true')
  })

  it('are asked for anew after a refusal, and where an address did not keep its word', async () => {
    const { files, asked, answers } = knowing({ 'GET files/f/url': json({ code: 'conflict' }, 409) })
    await expect(files.url('f', 'small')).rejects.toMatchObject({ code: 'conflict' })
    answers['GET files/f/url'] = json({ url: 'https://files.example/f', expires_at: START / 1000 + 300 })
    expect(await files.url('f', 'small')).toBe('https://files.example/f')
    files.forget('g')
    await files.url('f', 'small')
    files.forget('f')
    await files.url('f', 'small')
    files.forget()
    await files.url('f', 'small')
    expect(asked).toHaveLength(4)
  })

  it('of text are read as far as one wants', async () => {
    const { files, answers } = knowing({
      'GET files/f/url': json({ url: '/files/f/original', expires_at: new Date(START + 300_000).toISOString() }),
      'GET /files/f/original': () => new Response('abcd', { status: 206, headers: { 'Content-Range': 'bytes 0-3/9' } }),
    })
    expect(await files.text('f', 4)).toEqual({ text: 'abcd', whole: false })
    answers['GET /files/f/original'] = () => new Response('abcdef')
    expect(await files.text('f', 4)).toEqual({ text: 'abcd', whole: false })
    answers['GET /files/f/original'] = () => new Response('abc')
    expect(await files.text('f', 4)).toEqual({ text: 'abc', whole: true })
    answers['GET /files/f/original'] = () => new Response(null, { status: 416 })
    expect(await files.text('f', 4)).toEqual({ text: '', whole: true })
    answers['GET /files/f/original'] = () => new Response(null, { status: 403 })
    await expect(files.text('f', 4)).rejects.toBeInstanceOf(ApiError)
    delete answers['GET /files/f/original']
    await expect(files.text('f', 4)).rejects.toBeInstanceOf(Unreachable)
  })

  it('are told of, one by one and by conversation', async () => {
    const { files, asked } = knowing({
      'GET files/f': json({ ...ATTACHMENT, uploaded_by: 'ann', created_at: 't', sha256: 'abc', engine: 'clamd' }),
      'GET files/g': json({ ...ATTACHMENT, id: 'g', uploaded_by: { id: 'bob' }, created_at: 't' }),
      'GET conversations/talk/files': json({ items: [{ file: ATTACHMENT, seq: 3, at: 't', actor: 'ann' }], next: 'more' }),
    })
    expect(await files.facts('f')).toMatchObject({ name: 'a.png', uploadedBy: 'ann', sha256: 'abc', engine: 'clamd', reason: null })
    expect(await files.facts('g')).toMatchObject({ uploadedBy: 'bob', sha256: null, engine: null })
    expect(await files.of('talk', { kind: 'image', after: 'x' })).toMatchObject({ items: [{ file: { id: 'f', width: null }, seq: 3 }], next: 'more' })
    await files.of('talk')
    expect(asked.slice(2)).toEqual(['GET conversations/talk/files?type=image&after=x&limit=50', 'GET conversations/talk/files?limit=50'])
  })

  it('are checked by an engine that is asked for now and then', async () => {
    const { files, asked, later, answers } = knowing({})
    await expect(files.scanner()).rejects.toBeInstanceOf(Unreachable)
    answers['GET scanner'] = json({ engine: 'clamd', signatures: '27000' })
    expect(await files.scanner()).toEqual({ engine: 'clamd', version: null, signatures: '27000', ready: true })
    await files.scanner()
    later(300_001)
    await files.scanner()
    expect(asked).toHaveLength(3)
  })

  it('that are held are for admins to see, to give out and to delete', async () => {
    const { files, asked } = knowing({
      'GET admin/files': json({ items: [], next: null }),
      'POST admin/files/f/release': json({ id: 'f', state: 'clean' }),
      'DELETE admin/files/f': () => new Response(null, { status: 204 }),
    })
    expect(await files.held('infected')).toEqual({ items: [], next: null })
    expect(await files.release('f', 'harmless')).toMatchObject({ state: 'clean' })
    await files.destroy('f')
    expect(asked).toEqual(['GET admin/files?state=infected&limit=50', 'POST admin/files/f/release', 'DELETE admin/files/f'])
  })
})
