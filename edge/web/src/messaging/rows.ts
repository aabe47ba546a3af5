import type { Entry, Message, Outgoing, Timeline } from '@/sdk'

/**
 * The rows of a conversation: its entries, and behind them what is on its way. They are looked up by index and never
 * copied into a list of their own: a conversation may hold 100,000, and a message may come 200 times a second.
 */
export type Row = Entry | Outgoing

export const rowCount = (timeline: Timeline): number => timeline.entries.length + timeline.outgoing.length

export function rowAt(timeline: Timeline, index: number): Row | undefined {
  const { entries, outgoing } = timeline
  return index < entries.length ? entries[index] : outgoing[index - entries.length]
}

/** The same for an own message before and after it is in the log, so that its row stays where it is. */
export const keyOf = (row: Row): string => (row.kind === 'message' || row.kind === 'outgoing' ? row.id : `s${row.seq}`)

export const isOutgoing = (row: Row): row is Outgoing => row.kind === 'outgoing'

/** Milliseconds since 1970. */
export const timeOf = (row: Row): number => (row.kind === 'outgoing' ? row.madeAt : Date.parse(row.at))

/** The index of the first entry with this seq or a later one. Edits and reactions have a seq, but no entry. */
export function indexOfSeq(entries: readonly Entry[], seq: number): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (entries[middle]!.seq < seq) low = middle + 1
    else high = middle
  }
  return low
}

/** The entry with exactly this seq. */
export function entryOf(timeline: Timeline, seq: number): Entry | undefined {
  const entry = timeline.entries[indexOfSeq(timeline.entries, seq)]
  return entry?.seq === seq ? entry : undefined
}

/** What `me` said last, in the log or on its way there, that was not taken back or refused: what ↑ brings back. Looks at the newest 200 entries. */
export function lastOwn({ entries, outgoing }: Timeline, me: string): Message | Outgoing | undefined {
  const coming = outgoing.findLast(({ state }) => state !== 'refused')
  if (coming !== undefined) return coming
  for (let index = entries.length - 1; index >= Math.max(0, entries.length - 200); index--) {
    const entry = entries[index]!
    if (entry.kind === 'message' && entry.actor === me && entry.body !== null) return entry
  }
  return undefined
}
