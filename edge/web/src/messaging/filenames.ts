/** Unseen characters that turn the reading direction around, break the line or hide: a name must not look like another. */
const TRICKS = /[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu

/** A file's name as it is shown: whoever chose it may have wanted to deceive. What is hidden in it is made to be seen. */
export function shownName(name: string): string {
  const shown = name.replace(TRICKS, '\ufffd').trim()
  return shown === '' ? '\ufffd' : shown
}

/** In two parts, so that where room is short the ending is not what is left out. */
export function nameParts(name: string): readonly [stem: string, ending: string] {
  const shown = shownName(name)
  const dot = shown.lastIndexOf('.')
  const cut = dot > 0 && shown.length - dot <= 10 ? dot : Math.max(0, shown.length - 4)
  return [shown.slice(0, cut), shown.slice(cut)]
}
