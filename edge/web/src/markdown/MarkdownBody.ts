import { Copy } from '@lucide/vue'
import { h, type FunctionalComponent, type VNodeArrayChildren } from 'vue'
import { t } from '@/i18n'
import { parse, textOf } from './parse'
import { splitMentions, type Mentioned } from './mentioned'
import type { Element, Node } from './tree'

interface Properties {
  readonly body: string
  /** Who is mentioned, by the name that stands behind the `@`. */
  readonly mentioned?: readonly Mentioned[]
  /** Copies a block of code. Without it there is nothing to do it with. */
  readonly copy?: (code: string) => void
}

/** A message's body as DOM. Made of vnodes, so there is no markup anywhere that could be injected into. */
export const MarkdownBody: FunctionalComponent<Properties> = ({ body, mentioned = [], copy }) => drawn(parse(body), { mentioned, copy })
MarkdownBody.props = ['body', 'mentioned', 'copy']

interface Around {
  readonly mentioned: readonly Mentioned[]
  readonly copy: Properties['copy']
}

function drawn(nodes: readonly Node[], around: Around): VNodeArrayChildren {
  return nodes.flatMap((node) => (typeof node === 'string' ? words(node, around.mentioned) : [element(node, around)]))
}

function element(node: Element, around: Around) {
  const { copy } = around
  const inside = node.tag === 'code' || node.tag === 'a' ? { mentioned: [], copy } : around
  const drawnSo = h(node.tag, attributes(node), drawn(node.children, inside))
  if (node.tag !== 'pre' || copy === undefined) return drawnSo
  const name = t('chat.copyCode')
  const button = h('button', { type: 'button', class: 'icon-button copy', 'aria-label': name, title: name, onClick: () => copy(textOf(node.children)) }, h(Copy, { size: 16, strokeWidth: 1.75, 'aria-hidden': 'true' }))
  return h('div', { class: 'code' }, [drawnSo, button])
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
