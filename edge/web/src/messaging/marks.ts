import { stateOf, type Change, type DeliveryState, type Message, type Outgoing, type Timeline } from '@/sdk'

export type { DeliveryState }

/** The mark beside an own message; one that is being changed shows the state of the change. */
export function markOf(row: Message | Outgoing, timeline: Timeline): DeliveryState {
  if (row.kind === 'message' && row.change !== null) return row.change.state === 'sent' ? stateOf(row, timeline) : row.change.state
  return stateOf(row, timeline)
}

/** What was refused, and is still shown so that it can be tried again. */
export function refusalOf(row: Message | Outgoing): { readonly of: Outgoing | Change; readonly code: string; readonly message: string } | null {
  const of = row.kind === 'outgoing' ? row : row.change
  return of === null || of.state !== 'refused' ? null : { of, code: of.refusal?.code ?? 'invalid', message: of.refusal?.message ?? '' }
}
