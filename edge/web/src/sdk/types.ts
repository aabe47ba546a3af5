/**
 * What the SDK shows of Parley: plain, immutable values.
 *
 * A value is never changed, it is replaced: who holds one may compare by identity. Names are the protocol's
 * (docs/protocol.md), in camel case. Times are RFC 3339 in UTC as the server says them, unless named `…At` and typed
 * `number`: those are milliseconds since 1970 of this machine's clock.
 */

export type Id = string
/** A conversation's id, an account's, a project's; the id of a command is a message's id, too. */
export type ConversationId = Id
export type AccountId = Id
export type ProjectId = Id
export type CommandId = Id
export type FileId = Id
/** Of an upload in this browser; the server's name of the file is a `FileId`. */
export type UploadId = Id

export type Role = 'client' | 'agent' | 'admin'
export type Status = 'open' | 'closed' | 'archived'
export type Unsubscribe = () => void

/**
 * Something that changes. `value` is made when it is read, and the same object until it changes again.
 *
 * `listener` is told once when `value` is out of date, and not again before somebody has read it: at 200 events a
 * second whoever reads once a frame pays once a frame. It is called in a microtask, never in the middle of a change.
 */
export interface Observable<T> {
  readonly value: T
  subscribe(listener: () => void): Unsubscribe
}

/** Who somebody is. An `email` is null for who is not staff, except one's own. */
export interface Person {
  readonly id: AccountId
  readonly name: string
  readonly role: Role
  readonly email: string | null
}

export interface Project {
  readonly id: ProjectId
  readonly name: string
  readonly members: number
}

/** How far a member has read, and how far its devices were handed, a log. */
export interface Marks {
  readonly read: number
  readonly delivered: number
}

export type PresenceState = 'online' | 'away' | 'offline'

export interface Presence {
  readonly state: PresenceState
  /** Of who is offline, where it is known. */
  readonly lastSeen: string | null
}

/**
 * `unknown`: not started. `signed-in`: `account` is known, with or without a connection. `signed-out`: nobody.
 * `expired`: the server no longer takes the session of `account`; what is stored stays until somebody signs in.
 */
export interface SessionState {
  readonly phase: 'unknown' | 'signed-out' | 'expired' | 'signed-in'
  readonly account: Person | null
}

export interface ConnectionState {
  /**
   * `offline`: no connection, next try at `retryAt`. `connecting`: a socket opens and greets. `catching-up`: connected,
   * but what is shown may lack something. `live`: all is known that the server had. `stopped`: no further try: `reason`.
   */
  readonly phase: 'offline' | 'connecting' | 'catching-up' | 'live' | 'stopped'
  /** Since when it is so. */
  readonly since: number
  /** When all was last known: what is shown is as of then. Null: never yet. While `live` it is now. */
  readonly currentAt: number | null
  readonly retryAt: number | null
  /** Why there is no connection: a code of the protocol, or `network`, `silence`, `draining`. */
  readonly reason: string | null
  /** Conversations of which something is known to be missing. */
  readonly stale: ReadonlySet<ConversationId>
}

/** A conversation in the list. */
export interface Conversation {
  readonly id: ConversationId
  readonly subject: string
  readonly project: ProjectId | null
  readonly status: Status
  readonly head: number
  /** How far one has read. */
  readonly read: number
  /** Others' messages behind it, to 100 where the server counted. */
  readonly unread: number
  /** The last message that was not deleted. */
  readonly lastMessage: Message | null
  /** When anything was last said or done: what the list is sorted by. Empty where nothing is known. */
  readonly activeAt: string
  /** Null of more than 32 until they were read: `Parley.details` or `open`. */
  readonly members: readonly AccountId[] | null
  /** False once one was removed: nothing can be said there. */
  readonly member: boolean
  /** Something of it is known to be missing. */
  readonly stale: boolean
}

export interface Reaction {
  readonly emoji: string
  readonly accounts: readonly AccountId[]
}

/** An own edit or deletion of a message that is not in the log yet, or was refused. */
export interface Change {
  readonly id: CommandId
  readonly type: 'edit' | 'delete'
  readonly body: string | null
  readonly state: OutgoingState
  readonly refusal: Refusal | null
}

/** `scanning`: being checked, and not to be had. `infected`, `rejected`: blocked. */
export type FileState = 'uploading' | 'scanning' | 'clean' | 'infected' | 'rejected' | 'deleted'

/** A file in a message. `name` is what its sender called it: text, whatever it looks like. */
export interface Attachment {
  readonly id: FileId
  readonly name: string
  /** Its MIME type, as the server found it. */
  readonly type: string
  readonly size: number
  readonly state: FileState
  /** Counts the verdicts; of two the greater is the later. */
  readonly revision: number
  /** Why it was rejected, as a code. */
  readonly reason: string | null
  /** What was found in it, as the engine calls it. */
  readonly signature: string | null
  /** Of an image, once it is clean. */
  readonly width: number | null
  readonly height: number | null
  /** Smaller images of it are to be had. */
  readonly previews: boolean
}

/** Why a file was not taken. */
export type UploadTrouble = 'too_large' | 'quota_exceeded' | 'type_not_allowed' | 'forbidden' | 'unreadable' | 'expired' | 'refused'

/** A file on its way to the server, as the tab that sends it knows. */
export interface Upload {
  readonly id: UploadId
  readonly conversation: ConversationId
  /** The message that waits for it; null: none yet. */
  readonly message: CommandId | null
  readonly name: string
  readonly type: string
  readonly size: number
  /** Bytes that the server has, or is getting. */
  readonly sent: number
  /** `resting`: it failed, and is tried again by itself. */
  readonly phase: 'waiting' | 'sending' | 'resting' | 'paused' | 'done' | 'failed'
  readonly trouble: UploadTrouble | null
  /** False: it could not be stored here, and is lost if this page closes before its end. */
  readonly kept: boolean
}

/** A file of an own message that is not in the log yet; `file` is null while it is on its way. */
export interface SentFile {
  readonly upload: UploadId
  readonly file: FileId | null
  readonly name: string
  readonly type: string
  readonly size: number
}

/** What the server takes at most: bytes of a file (null: not known), files in a message. */
export interface Limits {
  readonly file: number | null
  readonly attachments: number
}

/** A message as it stands now: edits applied, one's own on their way included. */
export interface Message {
  readonly kind: 'message'
  readonly seq: number
  /** The sender's command: the same as `Outgoing.id` before, so a list keeps its row. */
  readonly id: CommandId
  readonly actor: AccountId
  readonly at: string
  /** Null when it was deleted. */
  readonly body: string | null
  readonly replyTo: number | null
  readonly mentions: readonly AccountId[]
  readonly edited: boolean
  readonly reactions: readonly Reaction[]
  readonly attachments: readonly Attachment[]
  readonly change: Change | null
}

/** What else happened, as a line between messages. */
export interface Occurrence {
  readonly kind: 'created' | 'member_joined' | 'member_left' | 'renamed' | 'status_changed'
  readonly seq: number
  readonly actor: AccountId
  readonly at: string
  /** Who joined or left. */
  readonly account: AccountId | null
  readonly subject: string | null
  readonly status: Status | null
}

export type Entry = Message | Occurrence

/** `queued`: kept here, goes out when it can. `sent`: stored by the server for good. `refused`: never stored. */
export type OutgoingState = 'queued' | 'sent' | 'refused'

export interface Refusal {
  readonly code: string
  readonly message: string
  readonly field: string | null
}

/** An own message that is not in the log yet. */
export interface Outgoing {
  readonly kind: 'outgoing'
  readonly id: CommandId
  readonly body: string
  readonly replyTo: number | null
  readonly mentions: readonly AccountId[]
  readonly files: readonly SentFile[]
  readonly madeAt: number
  readonly state: OutgoingState
  readonly refusal: Refusal | null
  /** False: it could not be stored here, and is lost if this page closes before it is sent. */
  readonly kept: boolean
}

/** A conversation as it is shown: a part of its log without holes, from `floor + 1` to `cursor`. */
export interface Timeline {
  readonly conversation: ConversationId
  readonly entries: readonly Entry[]
  /** Own messages behind the entries, in the order they were said. */
  readonly outgoing: readonly Outgoing[]
  /** 0: the beginning is here. */
  readonly floor: number
  readonly cursor: number
  readonly head: number
  readonly read: number
  readonly unread: number
  readonly marks: ReadonlyMap<AccountId, Marks>
  /** Every other member's devices were handed everything up to here; 0 where it is not known. */
  readonly deliveredTo: number
  /** Every other member has read everything up to here; 0 where it is not known. */
  readonly readTo: number
  readonly loading: boolean
  /** Why the last `loadOlder` failed. */
  readonly trouble: string | null
  /** Something behind `cursor` is known to be missing. */
  readonly stale: boolean
}

/** What of a conversation has not reached the server: something waits, or was refused and waits for its author. */
export type Unsent = 'queued' | 'refused'

/** `uploading`: queued, and its files are on their way. */
export type DeliveryState = 'uploading' | 'queued' | 'sent' | 'delivered' | 'read' | 'refused'

/** Told once for each message of others that arrives. */
export interface Notice {
  readonly conversation: ConversationId
  readonly message: Message
  /** It was said now, not while we were away. */
  readonly live: boolean
  readonly mentioned: boolean
  /** Of several tabs exactly one is told so: the one that rings. */
  readonly primary: boolean
}

/** Where an account's data is kept. `trouble`: why it is only in memory, or why something was not stored. */
export interface StorageState {
  readonly kind: 'stored' | 'memory'
  readonly trouble: 'unavailable' | 'quota' | null
}

export interface Draft {
  readonly body: string
  readonly replyTo: number | null
  /** The seq of the own message that is being edited. */
  readonly editing: number | null
  readonly mentions: readonly AccountId[]
}
