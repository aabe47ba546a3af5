import type { Row } from './rows'
import { timeOf } from './rows'
import { dayOf } from './days'

const GROUP = 5 * 60_000

/** Who said it; of what is on its way that is oneself. */
export const actorOf = (row: Row, me: string | null): string | null => (row.kind === 'outgoing' ? me : row.actor)

/** Whether a day begins with this row. */
export const beginsDay = (previous: Row | undefined, row: Row): boolean =>
  previous === undefined || dayOf(timeOf(previous)) !== dayOf(timeOf(row))

/**
 * Whether a row goes under its predecessor's header: both messages, of one author, within five minutes, of one day. One
 * that answers another says anew whose it is, because a quote stands above it.
 */
export function continues(previous: Row | undefined, row: Row, me: string | null): boolean {
  if (previous === undefined || !said(previous) || !said(row) || row.replyTo !== null) return false
  if (actorOf(previous, me) !== actorOf(row, me)) return false
  // The clock of this machine may be behind the server's: then an own message seems to be earlier.
  return timeOf(row) - timeOf(previous) < GROUP && !beginsDay(previous, row)
}

function said(row: Row): row is Extract<Row, { kind: 'message' | 'outgoing' }> {
  return row.kind === 'message' || row.kind === 'outgoing'
}
