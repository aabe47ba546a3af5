import MarkdownIt from 'markdown-it'
import { disguisedHost, safeHref } from './links'
import { isTag, type Element, type Node } from './tree'

type Token = ReturnType<InstanceType<typeof MarkdownIt>['parse']>[number]

/**
 * markdown-it with what people write in a chat. Off are: HTML; images (a picture from elsewhere tells its owner who
 * reads); references, headings by underlining and code by indenting (they make typed text vanish or change by accident).
 */
const markdown = new MarkdownIt({ html: false, linkify: true, breaks: true, maxNesting: 20 })
  .disable(['image', 'reference', 'lheading', 'code', 'entity', 'table'])
markdown.validateLink = (address) => safeHref(address) !== null
markdown.linkify.set({ fuzzyIP: false })

/** Overrides and embeddings of the writing direction: in a chat they only serve to make a text read as another one. */
const OVERRIDES = /[\u202a-\u202e]/g

const REMEMBERED = 500
const remembered = new Map<string, readonly Node[]>()

/** The tree of a body. The same body gives the same tree; the 500 last used are remembered, so scrolling parses little. */
export function parse(body: string): readonly Node[] {
  const known = remembered.get(body)
  if (known !== undefined) remembered.delete(body)
  const tree = known ?? build(markdown.parse(body.replace(OVERRIDES, ''), {}))
  remembered.set(body, tree)
  if (remembered.size > REMEMBERED) remembered.delete(remembered.keys().next().value as string)
  return tree
}

interface Draft extends Omit<Element, 'children'> {
  children: Node[]
}

/** The flat list of opening and closing tokens, folded into a tree. */
function build(tokens: readonly Token[]): Node[] {
  const root: Node[] = []
  const open: Draft[] = []
  const here = () => open.at(-1)?.children ?? root
  for (const token of tokens) {
    // The paragraphs of a list whose items stand close together.
    if (token.hidden) continue
    if (token.nesting === 1) {
      const element = opening(token)
      here().push(element)
      open.push(element)
    } else if (token.nesting === -1) closing(open.pop())
    else here().push(...single(token))
  }
  return root
}

function opening(token: Token): Draft {
  if (/^h[1-6]$/.test(token.tag)) return { tag: 'p', children: [], heading: true }
  // No rule that is on makes another tag; should a later version, its content is a paragraph, not a tag nobody looked at.
  const element: Draft = { tag: isTag(token.tag) ? token.tag : 'p', children: [] }
  if (token.tag === 'a') return { ...element, href: safeHref(String(token.attrGet('href') ?? '')) ?? '' }
  if (token.tag === 'ol') return { ...element, start: Number(token.attrGet('start') ?? 1) }
  return element
}

function closing(element: Draft | undefined): void {
  if (element?.tag !== 'a' || element.href === undefined) return
  const host = disguisedHost(textOf(element.children), element.href)
  if (host !== null) element.children.push(` (${host})`)
}

function single(token: Token): Node[] {
  switch (token.type) {
    case 'inline':
      return build(token.children ?? [])
    case 'text':
      return token.content === '' ? [] : [token.content]
    case 'softbreak':
    case 'hardbreak':
      return [{ tag: 'br', children: [] }]
    case 'code_inline':
      return [{ tag: 'code', children: [token.content] }]
    case 'fence':
      return [{ tag: 'pre', children: [{ tag: 'code', children: [token.content.replace(/\n$/, '')] }] }]
    case 'hr':
      return [{ tag: 'hr', children: [] }]
    default:
      return [token.content]
  }
}

/** What the tree says, without its tags. */
export function textOf(nodes: readonly Node[]): string {
  return nodes.map((node) => (typeof node === 'string' ? node : node.tag === 'br' ? '\n' : textOf(node.children))).join('')
}
