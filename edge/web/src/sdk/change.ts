/** What became true: the one way in which what a tab knows changes, and what the leading tab tells the others. */
import type { ConversationAnswer, ListedAnswer } from './api'
import type { Command } from './command'
import type { HeadOf, LogEvent, PresenceFrame, ReceiptFrame, TypingFrame } from './frames'
import type { CommandId, ConnectionState, ConversationId, Limits, Refusal } from './types'

export type Change =
  /** The event behind the cursor. `live`: said now. */
  | { readonly type: 'event'; readonly event: LogEvent; readonly live: boolean }
  /** Where logs stand, and how much of them is unread, as the server counts. */
  | { readonly type: 'heads'; readonly items: readonly HeadOf[] }
  | { readonly type: 'heard'; readonly frame: ReceiptFrame | TypingFrame | PresenceFrame }
  /** The log begins anew behind `base`: what was known counts no more. */
  | { readonly type: 'restarted'; readonly conversation: ConversationId; readonly base: number; readonly head: number }
  | { readonly type: 'details'; readonly details: ConversationAnswer }
  | { readonly type: 'listed'; readonly items: readonly ListedAnswer[] }
  /** One is no member any more. */
  | { readonly type: 'left'; readonly conversation: ConversationId }
  /** It is none of ours, or it never was. */
  | { readonly type: 'forgotten'; readonly conversation: ConversationId }
  | { readonly type: 'marked'; readonly conversation: ConversationId; readonly seq: number }
  | { readonly type: 'command'; readonly command: Command }
  | { readonly type: 'acked'; readonly id: CommandId; readonly seq: number }
  | { readonly type: 'refused'; readonly id: CommandId; readonly refusal: Refusal }
  | { readonly type: 'dropped'; readonly id: CommandId }
  | { readonly type: 'connection'; readonly state: ConnectionState }
  /** What the server takes at most. */
  | { readonly type: 'limits'; readonly limits: Limits }
  /** What the cursors are worth from now on. */
  | { readonly type: 'epoch'; readonly epoch: string }
