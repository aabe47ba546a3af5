import { parse } from './parse'
import type { Node } from './tree'

const BLOCKS = new Set(['p', 'pre', 'blockquote', 'ul', 'ol', 'li', 'hr', 'br'])

/** A body in one line without its marks: for quotes, lists and notifications. Cut behind `limit` characters. */
export function plainText(body: string, limit = 200): string {
  // Fences that close nothing are no words either.
  const line = flat(parse(body.slice(0, limit * 4))).replace(/`{3,}|~{3,}/g, ' ').replace(/\s+/g, ' ').trim()
  const letters = [...line]
  return letters.length > limit ? `${letters.slice(0, limit - 1).join('')}…` : line
}

function flat(nodes: readonly Node[]): string {
  return nodes.map((node) => (typeof node === 'string' ? node : BLOCKS.has(node.tag) ? ` ${flat(node.children)} ` : flat(node.children))).join('')
}
