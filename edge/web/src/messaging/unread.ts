import type { Timeline } from '@/sdk'
import { indexOfSeq } from './rows'

/** So many unread events are loaded to open at the first of them; with more, the conversation opens at its end. */
export const REACHABLE = 1000

/** What has to be loaded before the conversation can be shown at its first unread message; null: nothing. */
export function missingUnread(timeline: Timeline): number | null {
  const { floor, head, read, unread } = timeline
  return unread > 0 && floor > read && head - read <= REACHABLE ? read + 1 : null
}

/** The seq of the first message of others behind `read` that is still there: above it stands the “new since” line. */
export function firstUnread(timeline: Timeline, read: number, me: string | null): number | null {
  const { entries, floor } = timeline
  if (floor > read) return null
  for (let index = indexOfSeq(entries, read + 1); index < entries.length; index++) {
    const entry = entries[index]!
    if (entry.kind === 'message' && entry.actor !== me && entry.body !== null) return entry.seq
  }
  return null
}
