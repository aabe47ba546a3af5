import { namedAt } from '@/markdown/mentioned'

export interface Candidate {
  readonly id: string
  readonly name: string
}

/** An `@` that somebody is typing: where it stands, and what follows it up to the caret. */
export interface OpenMention {
  readonly start: number
  readonly query: string
}

const LONGEST = 40

/** The mention at the caret: an `@` at the beginning of a word, and nothing behind it that ends a name. */
export function openMention(text: string, caret: number): OpenMention | null {
  const start = text.lastIndexOf('@', caret - 1)
  if (start < 0 || caret - start > LONGEST || /[\p{L}\p{N}._-]/u.test(text.slice(Math.max(0, start - 1), start))) return null
  const query = text.slice(start + 1, caret)
  // A name may have two or three words, so a blank does not end it; a line, a mark or a second blank does.
  return /^[^\s@]*(?: [^\s@]+){0,2} ?$/u.test(query) && !query.startsWith(' ') ? { start, query } : null
}

/** Who may be meant, the best first: a name that begins with it, then one of its words, then one that contains it. */
export function matching(candidates: readonly Candidate[], query: string, limit = 6): readonly Candidate[] {
  const wanted = fold(query)
  const rank = ({ name }: Candidate): number => {
    const folded = fold(name)
    if (folded.startsWith(wanted)) return 0
    if (folded.split(' ').some((word) => word.startsWith(wanted))) return 1
    return folded.includes(wanted) ? 2 : 3
  }
  return candidates
    .map((one) => ({ one, rank: rank(one) }))
    .filter(({ rank }) => rank < 3)
    .sort((a, b) => a.rank - b.rank || a.one.name.localeCompare(b.one.name))
    .slice(0, limit)
    .map(({ one }) => one)
}

/** Without case and accents, as people search. */
const fold = (text: string): string => text.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()

/** The text with the mention at the caret completed, and where the caret is then. */
export function complete(text: string, caret: number, open: OpenMention, name: string): { readonly text: string; readonly caret: number } {
  const before = `${text.slice(0, open.start)}@${name} `
  return { text: before + text.slice(caret).replace(/^ /, ''), caret: before.length }
}

/** Who of the chosen still stands in the text with the whole name. */
export function stillMentioned(text: string, chosen: readonly Candidate[]): readonly string[] {
  const found = chosen.filter(({ name }) => {
    for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) if (namedAt(text, at, name)) return true
    return false
  })
  return [...new Set(found.map(({ id }) => id))]
}
