/** Frames to bytes or text, and back: msgpack for machines, JSON for people who look on. */
import { decode, encode } from '@msgpack/msgpack'
import type { ClientFrame, ServerFrame } from './frames'

export type Encoding = 'msgpack' | 'json'

/** What arrived is no frame: the connection is of no use. */
export class FrameFault extends Error {}

export interface Codec {
  readonly subprotocol: string
  encode(frame: ClientFrame): string | Uint8Array<ArrayBuffer>
  /** Raises FrameFault. A map with a type is let through: what else it needs its reader sees. */
  decode(data: unknown): ServerFrame
}

/** Every part of every frame is a map, an array, a text, a number, a truth or null: no extensions, no bytes. */
export function codecFor(encoding: Encoding): Codec {
  if (encoding === 'json') {
    return {
      subprotocol: 'parley.v1.json',
      encode: (frame) => JSON.stringify(frame),
      decode: (data) => checked(() => (typeof data === 'string' ? (JSON.parse(data) as unknown) : undefined)),
    }
  }
  return {
    subprotocol: 'parley.v1.msgpack',
    encode: (frame) => encode(frame, { ignoreUndefined: true }),
    decode: (data) => checked(() => (data instanceof ArrayBuffer ? decode(new Uint8Array(data)) : undefined)),
  }
}

function checked(read: () => unknown): ServerFrame {
  let found: unknown
  try {
    found = read()
  } catch (fault) {
    throw new FrameFault(String(fault))
  }
  if (typeof found !== 'object' || found === null || typeof (found as { type?: unknown }).type !== 'string') {
    throw new FrameFault('A frame is a map with a type.')
  }
  return found as ServerFrame
}
