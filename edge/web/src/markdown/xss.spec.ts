import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import { MarkdownBody } from './MarkdownBody'
import { TAGS } from './tree'
import corpus from '../../tests/xss-corpus.json'

const ATTRIBUTES = new Set(['href', 'rel', 'target', 'dir', 'class', 'start', 'tabindex'])

describe('a hostile body', () => {
  it.each(corpus)('is inert: %j', (body) => {
    const shown = mount(MarkdownBody, { props: { body, mentioned: [{ name: '<img src=x onerror=alert(1)>', me: false }] }, attachTo: document.body })
    for (const element of document.body.querySelectorAll('[data-v-app] *')) {
      const tag = element.tagName.toLowerCase()
      expect([...TAGS, 'bdi']).toContain(tag)
      expect(element.namespaceURI).toBe('http://www.w3.org/1999/xhtml')
      for (const { name } of element.attributes) expect(ATTRIBUTES).toContain(name)
      if (tag === 'a') expect(element.getAttribute('href')).toMatch(/^(https?:\/\/|mailto:)/)
    }
    expect(document.body.textContent).not.toMatch(/[\u202a-\u202e]/)
    shown.unmount()
  })
})
