import { h, type FunctionalComponent, type VNodeArrayChildren } from 'vue'
import { parse } from './parse'
import { splitMentions, type Mentioned } from './mentioned'
import type { Element, Node } from './tree'

interface Properties {
  readonly body: string
  /** Who is mentioned, by the name that stands behind the `@`. */
  readonly mentioned?: readonly Mentioned[]
}

/** A message's body as DOM. Made of vnodes, so there is no markup anywhere that could be injected into. */
export const MarkdownBody: FunctionalComponent<Properties> = ({ body, mentioned = [] }) => drawn(parse(body), mentioned)
MarkdownBody.props = ['body', 'mentioned']

function drawn(nodes: readonly Node[], mentioned: readonly Mentioned[]): VNodeArrayChildren {
  return nodes.flatMap((node) => (typeof node === 'string' ? words(node, mentioned) : [element(node, mentioned)]))
}

function element(node: Element, mentioned: readonly Mentioned[]) {
  const inside = node.tag === 'code' || node.tag === 'a' ? [] : mentioned
  return h(node.tag, attributes(node), drawn(node.children, inside))
}

function attributes(node: Element): Record<string, unknown> | null {
  switch (node.tag) {
    case 'a':
      return { href: node.href, rel: 'noopener noreferrer nofollow', target: '_blank', dir: 'auto' }
    case 'ol':
      return { start: node.start === 1 ? undefined : node.start, dir: 'auto' }
    case 'p':
      return { class: node.heading === true ? 'heading' : undefined, dir: 'auto' }
    case 'ul':
    case 'blockquote':
      return { dir: 'auto' }
    case 'pre':
      // It scrolls sideways, and what scrolls must be reachable by keyboard.
      return { dir: 'ltr', tabindex: 0 }
    default:
      return null
  }
}

function words(text: string, mentioned: readonly Mentioned[]): VNodeArrayChildren {
  return splitMentions(text, mentioned).map((part) =>
    typeof part === 'string' ? part : h('bdi', { class: part.me ? 'mention mention-me' : 'mention' }, part.text),
  )
}
