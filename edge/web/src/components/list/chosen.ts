import { plainText } from '@/markdown/plain'
import type { Conversation } from '@/sdk'

/** Whether a conversation is over is one question, whether there is something new in it another. */
export const standings = ['all', 'open', 'closed'] as const
export type Standing = (typeof standings)[number]
export interface Filter {
  readonly standing: Standing
  readonly unread: boolean
}
export const ALL: Filter = { standing: 'all', unread: false }

/** What the list can be searched by, beside the conversation's own words. */
export interface Words {
  project(id: string): string
  person(id: string): string
}

/**
 * The conversations that a filter leaves and in which every word searched for is found, in whatever order they were given.
 * A word is the beginning of any in the subject, the project, a member's name or the last message; case and accents do not count.
 */
export function chosen(all: readonly Conversation[], filter: Filter, query: string, words: Words): readonly Conversation[] {
  const wanted = folded(query).split(/\s+/u).filter(Boolean)
  return all.filter((one) => passes(one, filter) && (wanted.length === 0 || found(wanted, one, words)))
}

function passes(one: Conversation, { standing, unread }: Filter): boolean {
  if (unread && one.unread === 0) return false
  return standing === 'all' || (standing === 'closed') === (one.status !== 'open')
}

function found(wanted: readonly string[], one: Conversation, words: Words): boolean {
  const said = one.lastMessage?.body ?? ''
  const all = [one.subject, one.project === null ? '' : words.project(one.project), ...(one.members ?? []).map((id) => words.person(id)), plainText(said, 200)]
  const there = folded(all.join(' ')).split(/[^\p{L}\p{N}]+/u)
  return wanted.every((word) => there.some((part) => part.startsWith(word)))
}

/** As it is searched for: without case and accents. */
export const folded = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase()
