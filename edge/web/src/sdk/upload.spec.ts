// @vitest-environment node
import { describe, expect, it } from 'vitest'
import { ApiError, Unreachable } from './faults'
import { partSize, Sending, Unreadable } from './upload'

const MIB = 1024 * 1024
const refused = (status: number, problem: Record<string, unknown> = {}): ApiError => new ApiError(status, problem)
const always = () => 1

function begun(size = 3 * MIB): Sending {
  const sending = new Sending(size)
  sending.created('f', 0)
  return sending
}

describe('a file on its way', () => {
  it('is created, sent in parts, and done when the server has all of it', () => {
    const sending = new Sending(2.5 * MIB)
    expect(sending.next()).toEqual({ do: 'create' })
    sending.created('f', 0)
    expect(sending.next()).toEqual({ do: 'send', file: 'f', from: 0, to: MIB })
    sending.progress = 1000
    expect(sending.sent).toBe(1000)
    sending.reached(MIB)
    expect(sending.sent).toBe(MIB)
    sending.reached(2 * MIB)
    expect(sending.next()).toEqual({ do: 'send', file: 'f', from: 2 * MIB, to: 2.5 * MIB })
    sending.reached(2.5 * MIB)
    expect(sending.next()).toBeNull()
    expect(sending.phase).toBe('done')
  })

  it('goes in larger parts where it is large, and at once where it is empty', () => {
    expect([partSize(MIB), partSize(17 * MIB)]).toEqual([MIB, 2 * MIB])
    const empty = new Sending(0)
    empty.created('f', 0)
    expect(empty.phase).toBe('done')
  })

  it('asks the server what it has after any failure, and sends the rest', () => {
    const sending = begun()
    sending.failed(new Unreachable('gone'), 100, always)
    expect(sending).toMatchObject({ phase: 'resting', resumeAt: 600 })
    expect(sending.next()).toEqual({ do: 'ask', file: 'f' })
    sending.reached(700)
    expect(sending.next()).toEqual({ do: 'send', file: 'f', from: 700, to: 700 + MIB })
    sending.failed(refused(409), 0, always)
    expect(sending.next()).toEqual({ do: 'ask', file: 'f' })
  })

  it('rests longer with every failure in a row, and as long as the server says', () => {
    const sending = begun()
    const rests = [0, 1, 2].map(() => {
      sending.failed(refused(503), 0, always)
      return sending.resumeAt
    })
    expect(rests).toEqual([500, 1000, 2000])
    sending.failed(refused(429, { retry_after: 7 }), 0, always)
    expect(sending.resumeAt).toBe(7000)
    sending.reached(1)
    sending.failed(refused(500), 0, always)
    expect(sending.resumeAt).toBe(500)
  })

  it.each([
    [refused(413, { code: 'too_large' }), 'too_large'],
    [refused(413, { code: 'quota_exceeded' }), 'quota_exceeded'],
    [refused(400, { code: 'invalid', field: 'filename' }), 'type_not_allowed'],
    [refused(422, { code: 'invalid', field: 'Upload-Length' }), 'refused'],
    [refused(403), 'forbidden'],
    [refused(418), 'refused'],
    [new Unreadable(), 'unreadable'],
  ] as const)('is over where the server says no for good: %s', (fault, trouble) => {
    const sending = begun()
    sending.failed(fault, 0, always)
    expect(sending).toMatchObject({ phase: 'failed', trouble })
    sending.pause()
    expect(sending.phase).toBe('failed')
    sending.resume()
    expect(sending).toMatchObject({ phase: 'waiting', trouble: null })
  })

  it('begins anew where the server forgot it, a few times', () => {
    const sending = begun()
    sending.reached(MIB)
    for (let time = 0; time < 3; time += 1) {
      sending.failed(refused(404), 0, always)
      expect(sending.next()).toEqual({ do: 'create' })
      expect(sending.sent).toBe(0)
      sending.created('g', 0)
    }
    sending.failed(refused(410), 0, always)
    expect(sending).toMatchObject({ phase: 'failed', trouble: 'expired' })
  })

  it('goes on after a pause where the server says it is', () => {
    const sending = begun()
    sending.reached(MIB)
    sending.progress = 5
    sending.pause()
    expect(sending).toMatchObject({ phase: 'paused', sent: MIB })
    sending.resume()
    sending.resume()
    expect(sending.next()).toEqual({ do: 'ask', file: 'f' })
    sending.reached(3 * MIB)
    sending.pause()
    sending.resume()
    expect(sending.phase).toBe('done')
  })

  it('of an earlier page is asked for before anything is sent', () => {
    expect(new Sending(5, 'f').next()).toEqual({ do: 'ask', file: 'f' })
  })
})
