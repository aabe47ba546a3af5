/** What client and server say on the WebSocket (docs/protocol.md), as types. What comes from outside is checked where it is used. */
import type { AccountId, CommandId, ConversationId, FileId, FileState, PresenceState, ProjectId, Role, Status } from './types'

interface EventBase {
  readonly type: 'event'
  readonly conversation: ConversationId
  readonly seq: number
  readonly actor: AccountId
  readonly at: string
}

export interface CreatedEvent extends EventBase {
  readonly kind: 'created'
  readonly subject: string
  readonly project: ProjectId | null
  readonly members: readonly AccountId[]
}

/** A file as the server tells it. */
export interface AttachmentFrame {
  readonly id: FileId
  readonly name: string
  readonly type: string
  readonly size: number
  readonly state: FileState
  readonly revision: number
  readonly reason?: string | null
  readonly signature?: string | null
  readonly width?: number | null
  readonly height?: number | null
  readonly previews?: boolean
}

export interface MessageEvent extends EventBase {
  readonly kind: 'message'
  readonly id: CommandId
  readonly body: string
  readonly reply_to?: number
  readonly mentions?: readonly AccountId[]
  readonly attachments?: readonly AttachmentFrame[]
  readonly edited_at?: string
  readonly deleted_at?: string
}

export interface MembershipEvent extends EventBase {
  readonly kind: 'member_joined' | 'member_left'
  readonly account: AccountId
}

export interface EditedEvent extends EventBase {
  readonly kind: 'edited' | 'restored'
  readonly target: number
  readonly body: string
}

export interface DeletedEvent extends EventBase {
  readonly kind: 'deleted' | 'hidden'
  readonly target: number
}

export interface ErasedEvent extends EventBase {
  readonly kind: 'erased'
  readonly account: AccountId
}

export interface ReactionEvent extends EventBase {
  readonly kind: 'reaction'
  readonly target: number
  readonly emoji: string
  readonly on: boolean
}

/** What became of a file, for all messages that hold it. */
export interface FileScannedEvent extends EventBase {
  readonly kind: 'file_scanned'
  readonly file: FileId
  readonly verdict: 'clean' | 'infected' | 'rejected' | 'deleted'
  readonly revision: number
  readonly reason?: string | null
  readonly signature?: string | null
  readonly width?: number | null
  readonly height?: number | null
  readonly previews?: boolean
}

export interface RenamedEvent extends EventBase {
  readonly kind: 'renamed'
  readonly subject: string
}

export interface StatusChangedEvent extends EventBase {
  readonly kind: 'status_changed'
  readonly status: Status
}

/** Of a kind that this version does not know: skipped, and counted in the cursor. */
export interface OtherEvent extends EventBase {
  readonly kind: 'withheld'
}

export type LogEvent =
  | CreatedEvent
  | MessageEvent
  | MembershipEvent
  | EditedEvent
  | DeletedEvent
  | ErasedEvent
  | ReactionEvent
  | FileScannedEvent
  | RenamedEvent
  | StatusChangedEvent
  | OtherEvent

export interface HeadOf {
  readonly id: ConversationId
  readonly head: number
  readonly read: number
  readonly unread: number
}

export interface ReadyFrame {
  readonly type: 'ready'
  readonly session: string
  readonly account: { readonly id: AccountId; readonly name: string; readonly role: Role }
  readonly epoch: string
  readonly time: string
  readonly heartbeat: number
  readonly conversations: readonly HeadOf[]
  readonly more?: boolean
  readonly limits?: { readonly file?: number; readonly attachments?: number }
}

export interface CaughtUpFrame {
  readonly type: 'caught_up'
  readonly conversation: ConversationId
  readonly seq: number
  readonly head?: number
}

export type ResyncReason = 'epoch' | 'cursor_ahead' | 'not_member'

export interface ResyncFrame {
  readonly type: 'resync'
  readonly reason: ResyncReason
  readonly conversation?: ConversationId
  readonly epoch?: string
}

export interface AckFrame {
  readonly type: 'ack'
  readonly id: CommandId
  readonly conversation: ConversationId
  readonly seq: number
  readonly at: string
}

export interface ReceiptFrame {
  readonly type: 'receipt'
  readonly conversation: ConversationId
  readonly account: AccountId
  readonly read: number
  readonly delivered: number
}

export interface TypingFrame {
  readonly type: 'typing'
  readonly conversation: ConversationId
  readonly account: AccountId
  readonly on: boolean
}

export interface PresenceFrame {
  readonly type: 'presence'
  readonly account: AccountId
  readonly state: PresenceState
  readonly last_seen?: string | null
}

export interface ErrorFrame {
  readonly type: 'error'
  readonly code: string
  readonly message?: string
  readonly id?: CommandId | null
  readonly field?: string | null
  readonly retry_after?: number | null
}

export interface PongFrame {
  readonly type: 'pong'
  readonly time: string
}

export interface ByeFrame {
  readonly type: 'bye'
  readonly reason?: string
  readonly reconnect_after?: number
}

export type ServerFrame =
  | LogEvent
  | ReadyFrame
  | CaughtUpFrame
  | ResyncFrame
  | AckFrame
  | ReceiptFrame
  | TypingFrame
  | PresenceFrame
  | ErrorFrame
  | PongFrame
  | ByeFrame

interface CommandBase {
  readonly id: CommandId
  readonly conversation: ConversationId
}

export interface SendFrame extends CommandBase {
  readonly type: 'send'
  readonly body: string
  readonly reply_to?: number
  readonly mentions?: readonly AccountId[]
  readonly attachments?: readonly FileId[]
}

export interface EditFrame extends CommandBase {
  readonly type: 'edit'
  readonly seq: number
  readonly body: string
}

export interface DeleteFrame extends CommandBase {
  readonly type: 'delete'
  readonly seq: number
}

export interface ReactFrame extends CommandBase {
  readonly type: 'react'
  readonly seq: number
  readonly emoji: string
  readonly on: boolean
}

/** A durable command: answered by exactly one `ack` or `error` with its id. */
export type CommandFrame = SendFrame | EditFrame | DeleteFrame | ReactFrame

export type MarkKind = 'read' | 'delivered'

export interface HelloFrame {
  readonly type: 'hello'
  readonly client: string
  readonly token?: string
  readonly epoch?: string
  readonly cursors: Readonly<Record<ConversationId, number>>
}

export type ClientFrame =
  | CommandFrame
  | HelloFrame
  | { readonly type: MarkKind; readonly conversation: ConversationId; readonly seq: number }
  | { readonly type: 'typing'; readonly conversation: ConversationId; readonly on: boolean }
  | { readonly type: 'presence'; readonly state: 'online' | 'away' }
  | { readonly type: 'watch' | 'unwatch'; readonly conversation: ConversationId }
  | { readonly type: 'sync'; readonly conversation: ConversationId; readonly after: number; readonly limit: number }
  | { readonly type: 'ping'; readonly heads: Readonly<Record<ConversationId, number>> }
