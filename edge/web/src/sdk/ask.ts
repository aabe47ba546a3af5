/** What a tab wants of the one that holds the connection. */
import type { Command } from './command'
import type { CommandId, ConversationId } from './types'

/** What lasts as long as the tab: said again to whoever leads. */
export interface Wishes {
  /** Conversations whose members' presence it shows, the most important first. */
  readonly watch: readonly ConversationId[]
  /** Whether somebody sits at it. */
  readonly state: 'online' | 'away'
}

export type Ask =
  | { readonly type: 'queue'; readonly command: Command }
  | { readonly type: 'drop'; readonly id: CommandId }
  | { readonly type: 'read' | 'delivered'; readonly conversation: ConversationId; readonly seq: number }
  | { readonly type: 'typing'; readonly conversation: ConversationId; readonly on: boolean }
  | { readonly type: 'wishes'; readonly wishes: Wishes }
  | { readonly type: 'retry' }
