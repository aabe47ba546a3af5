/** What an event of the log says by itself, as it stands in a conversation. Pure. */
import { attachmentsOf, NO_ATTACHMENTS } from './attachments'
import type { LogEvent, MessageEvent } from './frames'
import { NO_REACTIONS } from './reactions'
import type { Entry, Id, Message, Occurrence } from './types'

/** A message as its event says. */
export function messageOf(event: MessageEvent): Message {
  return {
    kind: 'message',
    seq: event.seq,
    id: event.id,
    actor: event.actor,
    at: event.at,
    body: event.deleted_at !== undefined || event.body === null ? null : event.body,
    replyTo: event.reply_to ?? null,
    mentions: event.mentions ?? [],
    edited: event.edited_at !== undefined,
    reactions: NO_REACTIONS,
    attachments: event.deleted_at !== undefined || event.body === null ? NO_ATTACHMENTS : attachmentsOf(event.attachments),
    change: null,
  }
}

/** What of an event stands in a conversation by itself; null: nothing. */
export function entryOf(event: LogEvent): Entry | null {
  if (event.kind === 'message') return messageOf(event)
  const at: Id | null = 'account' in event ? event.account : null
  switch (event.kind) {
    case 'created':
    case 'member_joined':
    case 'member_left':
    case 'renamed':
    case 'status_changed':
      return {
        kind: event.kind,
        seq: event.seq,
        actor: event.actor,
        at: event.at,
        account: at,
        subject: 'subject' in event ? event.subject : null,
        status: 'status' in event ? event.status : null,
      } satisfies Occurrence
    default:
      return null
  }
}
