export interface Mentioned {
  readonly name: string
  /** It is the reader. */
  readonly me: boolean
}

export interface MentionPart {
  readonly text: string
  readonly me: boolean
}

/** The text cut at each `@Name` of somebody who is mentioned; the longest name wins, so `@Ann Lee` is not `@Ann`. */
export function splitMentions(text: string, mentioned: readonly Mentioned[]): (string | MentionPart)[] {
  if (mentioned.length === 0 || !text.includes('@')) return [text]
  const longestFirst = [...mentioned].sort((a, b) => b.name.length - a.name.length)
  const parts: (string | MentionPart)[] = []
  let plain = ''
  for (let at = 0; at < text.length; ) {
    const found = text[at] === '@' ? longestFirst.find((one) => namedAt(text, at, one.name)) : undefined
    if (found === undefined) plain += text[at++]
    else {
      if (plain !== '') parts.push(plain)
      plain = ''
      parts.push({ text: `@${found.name}`, me: found.me })
      at += found.name.length + 1
    }
  }
  return plain === '' ? parts : [...parts, plain]
}

/** Whether `@name` stands at `at` as a whole: no letter or digit goes on behind it, none comes before (mail addresses). */
export function namedAt(text: string, at: number, name: string): boolean {
  const end = at + 1 + name.length
  return (
    name !== '' &&
    text.startsWith(name, at + 1) &&
    !/[\p{L}\p{N}]/u.test(text.slice(end, end + 1)) &&
    !/[\p{L}\p{N}._-]/u.test(text.slice(Math.max(0, at - 1), at))
  )
}
