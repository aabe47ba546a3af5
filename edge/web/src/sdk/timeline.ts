/** A conversation as it is shown: its fold, and what one has said that is not in the log yet. Pure. */
import { NO_ATTACHMENTS } from './attachments'
import type { Command } from './command'
import type { Fold } from './fold'
import type { AccountId, DeliveryState, Entry, Message, Outgoing, Reaction, Timeline } from './types'

export interface Shown {
  readonly me: AccountId | null
  /** Own commands in this conversation, in the order they were given. */
  readonly commands: readonly Command[]
  readonly loading: boolean
  readonly trouble: string | null
  readonly stale: boolean
}

export function timelineOf(fold: Fold, { me, commands, loading, trouble, stale }: Shown): Timeline {
  const entries = [...fold.entries]
  const outgoing: Outgoing[] = []
  for (const command of commands) {
    if (command.frame.type === 'send') outgoing.push(outgoingOf(command))
    else lay(command, entries, fold, me)
  }
  const others = (fold.membersKnown ? [...fold.members] : [...fold.marks.keys()]).filter((one) => one !== me)
  const least = (kind: 'read' | 'delivered'): number =>
    others.length === 0 ? 0 : Math.min(...others.map((one) => fold.marks.get(one)?.[kind] ?? 0))
  return {
    conversation: fold.conversation,
    entries,
    outgoing,
    floor: fold.floor,
    cursor: fold.cursor,
    head: fold.head,
    read: fold.read,
    unread: fold.unread,
    marks: new Map(fold.marks),
    deliveredTo: least('delivered'),
    readTo: least('read'),
    loading,
    trouble,
    stale,
  }
}

/** How far an own message has got. Only own messages have come a way. */
export function stateOf(entry: Message | Outgoing, timeline: Timeline): DeliveryState {
  if (entry.kind === 'outgoing') {
    return entry.state === 'queued' && entry.files.some(({ file }) => file === null) ? 'uploading' : entry.state
  }
  if (entry.change !== null && entry.change.state !== 'sent') return entry.change.state
  if (entry.seq <= timeline.readTo) return 'read'
  return entry.seq <= timeline.deliveredTo ? 'delivered' : 'sent'
}

/** Who has read up to `seq`, as far as it is known. */
export function readersOf(seq: number, timeline: Timeline): AccountId[] {
  return [...timeline.marks].filter(([, { read }]) => read >= seq).map(([account]) => account)
}

function outgoingOf({ id, frame, madeAt, state, refusal, kept, files = [] }: Command): Outgoing {
  const { body, reply_to, mentions } = frame as Extract<Command['frame'], { type: 'send' }>
  return {
    kind: 'outgoing', id, body, replyTo: reply_to ?? null, mentions: mentions ?? [], files, madeAt, state, refusal, kept,
  }
}

/** Show a message as it will be once the command is in the log. A refused reaction shows nothing. */
function lay({ id, frame, state, refusal }: Command, entries: Entry[], fold: Fold, me: AccountId | null): void {
  if (frame.type === 'send') return
  const at = fold.place(frame.seq)
  const entry = at === null ? undefined : entries[at]
  if (at === null || entry?.kind !== 'message') return
  if (frame.type === 'react') {
    if (state !== 'refused' && me !== null) {
      entries[at] = { ...entry, reactions: reacted(entry.reactions, frame.emoji, me, frame.on) }
    }
    return
  }
  const body = frame.type === 'edit' ? frame.body : null
  const change = { id, type: frame.type, body, state, refusal }
  const files = body === null ? { attachments: NO_ATTACHMENTS } : {}
  const shown = state === 'refused' ? entry : { ...entry, ...files, body, edited: entry.edited || frame.type === 'edit' }
  entries[at] = { ...shown, change }
}

function reacted(reactions: readonly Reaction[], emoji: string, me: AccountId, on: boolean): readonly Reaction[] {
  const found = reactions
    .map((one) => (one.emoji === emoji ? { emoji, accounts: one.accounts.filter((account) => account !== me) } : one))
    .map((one) => (on && one.emoji === emoji ? { emoji, accounts: [...one.accounts, me] } : one))
    .filter((one) => one.accounts.length > 0)
  return on && !found.some((one) => one.emoji === emoji) ? [...found, { emoji, accounts: [me] }] : found
}
