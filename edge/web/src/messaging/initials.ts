/** At most two letters for a name: of its first and last word. */
export function initials(name: string): string {
  const words = name.trim().split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word))
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => [...(word ?? '')].find((letter) => /[\p{L}\p{N}]/u.test(letter)) ?? '')
  return letters.join('').toUpperCase() || '?'
}

/** What somebody is called for short: the first word of the name, unless that is but a letter or a title. */
export function shortName(name: string): string {
  const first = name.trim().split(/\s+/)[0] ?? ''
  return [...first].length < 2 || first.endsWith('.') ? name : first
}

/** A hue of 0 to 359 that is always the same for an id. FNV-1a. */
export function hueOf(id: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < id.length; index++) hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193)
  return (hash >>> 0) % 360
}
