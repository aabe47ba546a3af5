/**
 * A message that is longer than a screen is folded: who said it stays in view with what is read, and what comes behind it
 * is no long way off. It is told by its text, not by its height: a row must not change once it is measured.
 */
const LINES = 40
const LETTERS = 4000

export function isLong(body: string): boolean {
  if (body.length > LETTERS) return true
  let lines = 1
  for (let at = body.indexOf('\n'); at !== -1 && lines < LINES; at = body.indexOf('\n', at + 1)) lines++
  return lines >= LINES
}
