import { inject, type ComputedRef, type InjectionKey, type ShallowRef } from 'vue'
import type { AccountId, Attachment, CommandId, ConversationId, Message, Outgoing, Timeline } from '@/sdk'

/** What the parts of one open conversation share: what there is to see, and what can be done. */
export interface Chat {
  readonly conversation: ConversationId
  readonly timeline: Readonly<ShallowRef<Timeline>>
  readonly me: ComputedRef<AccountId | null>
  readonly staff: ComputedRef<boolean>
  /** Nothing can be said here now: closed, or no longer a member. */
  readonly silent: ComputedRef<boolean>
  name(account: AccountId): string

  /** Resolves when members, markers and the newest page are known, or are not to be had. */
  readonly ready: Promise<void>
  /** False: nothing more came; the timeline says whether that is the beginning or a trouble. */
  loadOlder(): Promise<boolean>
  loadTo(seq: number): Promise<boolean>
  /** After nothing at all could be loaded. */
  openAgain(): void
  markRead(seq: number): void

  reply(message: Message): void
  edit(message: Message): void
  remove(message: Message): void
  react(message: Message, emoji: string): void
  retry(id: CommandId): void
  discard(id: CommandId): void
  /** Messages that are shown as a whole although they are long; it outlives their rows. */
  readonly unfolded: Set<CommandId>
  copy(text: string): void
  copyText(row: Message | Outgoing): void
  copyLink(message: Message): void
  history(message: Message): void
  /** Opens the menu of a message at this element; at the bottom of the screen where there is no room beside it. */
  menu(row: Message | Outgoing, anchor: HTMLElement): void
  /** Opens the choice of emoji for a reaction. */
  chooseReaction(message: Message, anchor: HTMLElement): void
  /** Shows a file; images among the others of the conversation. */
  preview(file: Attachment): void
  jump(seq: number): void
  quoted(seq: number): Promise<Message | null>
}

export const chatKey: InjectionKey<Chat> = Symbol('chat')

export function useChat(): Chat {
  const chat = inject(chatKey)
  if (chat === undefined) throw new Error('This part belongs inside a ChatContainer.')
  return chat
}
