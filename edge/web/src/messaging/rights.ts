import type { Conversation, Role } from '@/sdk'

/** What one may do with a conversation and its members. */
export interface Rights {
  readonly rename: boolean
  readonly close: boolean
  readonly reopen: boolean
  readonly archive: boolean
  /** Add and remove others. */
  readonly members: boolean
  readonly leave: boolean
}

export const NONE: Rights = { rename: false, close: false, reopen: false, archive: false, members: false, leave: false }

/**
 * docs/protocol.md, "Who may do what", so that nothing is offered that would be refused: staff keep the conversations
 * that they are in, everybody may leave, and one that is closed takes nothing but another status. The server judges all the same.
 */
export function rightsIn(conversation: Pick<Conversation, 'member' | 'status'> | null, role: Role | null): Rights {
  if (conversation === null || role === null || !conversation.member) return NONE
  const staff = role !== 'client'
  if (conversation.status !== 'open') return { ...NONE, reopen: staff, archive: staff && conversation.status === 'closed' }
  return { rename: staff, close: staff, reopen: false, archive: staff, members: staff, leave: true }
}
