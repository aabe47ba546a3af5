// @vitest-environment node
import { encode } from '@msgpack/msgpack'
import { describe, expect, it } from 'vitest'
import { fullJitter } from './backoff'
import { codecFor, FrameFault } from './codec'
import type { ClientFrame } from './frames'
import { newId } from './ids'

const frame: ClientFrame = { type: 'send', id: 'i', conversation: 'c', body: 'Grüße 👋' }
const bytes = (value: unknown): ArrayBuffer => Uint8Array.from(encode(value)).buffer

describe('both encodings', () => {
  it('name their subprotocol and keep what they carry', () => {
    const packed = codecFor('msgpack')
    const plain = codecFor('json')
    expect([packed.subprotocol, plain.subprotocol]).toEqual(['parley.v1.msgpack', 'parley.v1.json'])
    expect(packed.decode(Uint8Array.from(packed.encode(frame) as Uint8Array).buffer)).toEqual(frame)
    expect(plain.decode(plain.encode(frame))).toEqual(frame)
  })

  it.each([['no map', bytes([1])], ['no type', bytes({ a: 1 })], ['null', bytes(null)], ['junk', new Uint8Array([0xc1]).buffer], ['text', '{}']])(
    'take %s for no frame of msgpack',
    (_, data) => {
      expect(() => codecFor('msgpack').decode(data)).toThrow(FrameFault)
    },
  )

  it.each([['junk', '{'], ['bytes', bytes({ type: 'pong' })], ['a type that is none', '{"type":1}']])(
    'take %s for no frame of JSON',
    (_, data) => {
      expect(() => codecFor('json').decode(data)).toThrow(FrameFault)
    },
  )
})

describe('ids', () => {
  it('are UUIDs of version 4, each another', () => {
    const made = Array.from({ length: 200 }, newId)
    for (const id of made) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(new Set(made).size).toBe(200)
  })
})

describe('the back-off', () => {
  it('is random below a bound that doubles up to its end', () => {
    expect([0, 1, 2, 9, 500].map((attempt) => fullJitter(attempt, () => 1))).toEqual([500, 1_000, 2_000, 30_000, 30_000])
    expect(fullJitter(3, () => 0)).toBe(0)
    expect(fullJitter(1, () => 0.5, { first: 10, most: 15 })).toBe(7.5)
  })
})
