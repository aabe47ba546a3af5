import type { Entry, Message, Occurrence, Outgoing, Timeline } from '@/sdk'

/** Values of the SDK as tests need them: a whole one, with what the test is about named. */
export const ME = 'aaaaaaaa-0000-4000-8000-000000000001'
export const CLARA = 'cccccccc-0000-4000-8000-000000000002'
export const ADAM = 'aaaaaaaa-0000-4000-8000-000000000003'
export const CONVERSATION = 'dddddddd-0000-4000-8000-000000000004'

export const START = Date.UTC(2026, 10, 23, 9)

export function message(seq: number, more: Partial<Message> = {}): Message {
  return {
    kind: 'message',
    seq,
    id: `m${seq}`,
    actor: CLARA,
    at: new Date(START + seq * 1000).toISOString(),
    body: `Message ${seq}`,
    replyTo: null,
    mentions: [],
    edited: false,
    reactions: [],
    attachments: [],
    change: null,
    ...more,
  }
}

export function occurrence(seq: number, kind: Occurrence['kind'], more: Partial<Occurrence> = {}): Occurrence {
  return { kind, seq, actor: CLARA, at: new Date(START + seq * 1000).toISOString(), account: null, subject: null, status: null, ...more }
}

export function outgoing(id: string, more: Partial<Outgoing> = {}): Outgoing {
  return { kind: 'outgoing', id, body: `Outgoing ${id}`, replyTo: null, mentions: [], files: [], madeAt: START + 3_600_000, state: 'queued', refusal: null, kept: true, ...more }
}

export function timeline(entries: readonly Entry[], more: Partial<Timeline> = {}): Timeline {
  const last = entries.at(-1)?.seq ?? 0
  return {
    conversation: CONVERSATION,
    entries,
    outgoing: [],
    floor: (entries[0]?.seq ?? 1) - 1,
    cursor: last,
    head: last,
    read: last,
    unread: 0,
    marks: new Map(),
    deliveredTo: 0,
    readTo: 0,
    loading: false,
    trouble: null,
    stale: false,
    ...more,
  }
}

export const messages = (from: number, to: number, more: Partial<Message> = {}): Message[] =>
  Array.from({ length: to - from + 1 }, (_, index) => message(from + index, more))
