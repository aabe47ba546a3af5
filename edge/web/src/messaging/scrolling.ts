import type { Timeline } from '@/sdk'
import { indexOfSeq, rowCount } from './rows'

/** So near to the end counts as being there: a row's rounding must not stop the list from following. */
const NEAR_END = 24
/** So many rows before the first loaded one the next page is asked for. */
const AHEAD = 30

export const isAtEnd = (offset: number, viewport: number, size: number): boolean => size - offset - viewport <= NEAR_END

/** Whether older messages should be loaded, seen from the first row on screen. */
export const wantsOlder = (timeline: Timeline, firstRow: number): boolean =>
  timeline.floor > 0 && !timeline.loading && timeline.trouble === null && firstRow < AHEAD

/** What became of the rows: so many came before the first, so many behind the last; or everything is another. */
export interface RowChange {
  readonly prepended: number
  readonly appended: number
  readonly reset: boolean
  /** The last row is a new one of one's own: whoever sends wants to see it. */
  readonly said: boolean
}

/** Compares the ends only: O(log n), whatever the length. */
export function changeOf(before: Timeline, after: Timeline): RowChange {
  const counts = rowCount(after) - rowCount(before)
  const first = before.entries[0]
  const said = newestOutgoing(after) !== newestOutgoing(before) && after.outgoing.length > 0 && after.outgoing.length >= before.outgoing.length
  if (first === undefined) return { prepended: 0, appended: counts, reset: false, said }
  const at = indexOfSeq(after.entries, first.seq)
  if (after.entries[at]?.seq !== first.seq) return { prepended: 0, appended: 0, reset: true, said }
  return { prepended: at, appended: counts - at, reset: false, said }
}

const newestOutgoing = (timeline: Timeline): string | undefined => timeline.outgoing.at(-1)?.id

/** How many messages of others lie behind the seq `seen`, counted to 99: what the “new messages” button says. */
export function newBehind(timeline: Timeline, seen: number, me: string | null): number {
  let count = 0
  for (let index = timeline.entries.length - 1; index >= 0 && count < 99; index--) {
    const entry = timeline.entries[index]!
    if (entry.seq <= seen) break
    if (entry.kind === 'message' && entry.actor !== me && entry.body !== null) count++
  }
  return count
}

/** The last row at or above `index` that has a seq: how far somebody has read who sees it. */
export function seqAt(timeline: Timeline, index: number): number {
  return timeline.entries[Math.min(index, timeline.entries.length - 1)]?.seq ?? 0
}
