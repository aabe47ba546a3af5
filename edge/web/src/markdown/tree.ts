/**
 * A body as the app shows it: a tree of few known tags. Whatever is not named here cannot be shown at all, and because
 * the tree becomes DOM by `createElement` and text nodes, never by markup, no body can add a tag, an attribute or a script.
 */
export const TAGS = ['p', 'strong', 'em', 's', 'code', 'pre', 'blockquote', 'ul', 'ol', 'li', 'br', 'hr', 'a'] as const
export type Tag = (typeof TAGS)[number]
export const isTag = (tag: string): tag is Tag => (TAGS as readonly string[]).includes(tag)

export interface Element {
  readonly tag: Tag
  readonly children: readonly Node[]
  /** Of an `a`: an address that `links.ts` allows. */
  readonly href?: string
  /** Of an `ol`: the number of its first item. */
  readonly start?: number
  /** Of a `p`: it was a heading, and is drawn bold; a message does not outrank the page's own headings. */
  readonly heading?: boolean
}

export type Node = Element | string
