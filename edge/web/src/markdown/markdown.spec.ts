import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import { disguisedHost, safeHref } from './links'
import { MarkdownBody } from './MarkdownBody'
import { splitMentions } from './mentioned'
import { parse, textOf } from './parse'
import { plainText } from './plain'
import { decodeHTML } from './entities'

const html = (body: string, mentioned: { name: string; me: boolean }[] = []) => mount(MarkdownBody, { props: { body, mentioned } }).html({ raw: true })

describe('markdown', () => {
  it.each([
    ['**bold** and *soft*', '<p dir="auto"><strong>bold</strong> and <em>soft</em></p>'],
    ['~~gone~~', '<p dir="auto"><s>gone</s></p>'],
    ['one\ntwo', '<p dir="auto">one<br>two</p>'],
    ['a\\\nb', '<p dir="auto">a<br>b</p>'],
    ['- a\n- b', '<ul dir="auto"><li>a</li><li>b</li></ul>'],
    ['3. a\n4. b', '<ol start="3" dir="auto"><li>a</li><li>b</li></ol>'],
    ['1. a', '<ol dir="auto"><li>a</li></ol>'],
    ['- a\n\n- b', '<ul dir="auto"><li><p dir="auto">a</p></li><li><p dir="auto">b</p></li></ul>'],
    ['> said', '<blockquote dir="auto"><p dir="auto">said</p></blockquote>'],
    ['`x < y`', '<p dir="auto"><code>x &lt; y</code></p>'],
    ['```js\nlet a = 1\n```', '<pre dir="ltr" tabindex="0"><code>let a = 1</code></pre>'],
    ['# Title', '<p class="heading" dir="auto">Title</p>'],
    ['---', '<hr>'],
  ])('shows %j', (body, expected) => {
    expect(html(body)).toBe(expected)
  })

  it.each(['AT&amp;T', 'a    b', '1 * 2 * 3', 'snake_case_name', 'a\n---', '[x]: http://a.example', '    indented', '![pic](https://a.example/p.png)', '\\*'])(
    'loses no letter of %j',
    (body) => {
      const shown = mount(MarkdownBody, { props: { body } }).text()
      for (const word of body.match(/\p{L}+/gu) ?? []) expect(shown + html(body)).toContain(word)
    },
  )

  it('makes links of addresses, and of nothing that is none', () => {
    expect(html('see https://parley.example/a?b=c')).toContain(
      '<a href="https://parley.example/a?b=c" rel="noopener noreferrer nofollow" target="_blank" dir="auto">https://parley.example/a?b=c</a>',
    )
    expect(html('mail clara@parley.example')).toContain('href="mailto:clara@parley.example"')
    expect(html('10.0.0.1 is no link')).not.toContain('<a')
    expect(safeHref('no address')).toBeNull()
  })

  it('names the host of a link whose text names another', () => {
    expect(html('[bank.example](https://thief.example/)')).toContain('bank.example (thief.example)</a>')
    expect(html('[bank.example](https://bank.example/login)')).not.toContain('(bank.example)')
    expect(disguisedHost('click here', 'https://a.example/')).toBeNull()
    expect(disguisedHost('x.com:80', 'https://x.com:8443/')).toBeNull()
    expect(disguisedHost('clara@parley.example', 'mailto:clara@parley.example')).toBeNull()
    expect(disguisedHost('xn--a.example', 'https://thief.example/')).toBe('thief.example')
  })

  it('marks who is mentioned, the longest name first, and not inside code, links or addresses', () => {
    const mentioned = [
      { name: 'Ann', me: true },
      { name: 'Ann Lee', me: false },
    ]
    expect(html('@Ann Lee and @Ann, not @Anne or x@Ann', mentioned)).toBe(
      '<p dir="auto"><bdi class="mention">@Ann Lee</bdi> and <bdi class="mention mention-me">@Ann</bdi>, not @Anne or x@Ann</p>',
    )
    expect(html('`@Ann`', mentioned)).not.toContain('mention')
    expect(splitMentions('no one', mentioned)).toEqual(['no one'])
    expect(splitMentions('@Ann', [{ name: '', me: false }])).toEqual(['@Ann'])
  })

  it('is one line without marks where a line is wanted', () => {
    expect(plainText('**Hello**\n\n- one\n- two\n\n`code`')).toBe('Hello one two code')
    expect(plainText('a'.repeat(300), 10)).toBe('aaaaaaaaa…')
    expect(plainText('See: ```\nlet a = 1\n```')).toBe('See: let a = 1')
    expect(textOf(parse('a\nb'))).toBe('a\nb')
    expect(decodeHTML('&lt;')).toBe('&lt;')
  })

  it('parses a body once while it is among the last used', () => {
    const first = parse('remember me')
    expect(parse('remember me')).toBe(first)
    for (let index = 0; index < 500; index++) parse(`other ${index}`)
    expect(parse('remember me')).not.toBe(first)
  })

  it('stays quick with a body made to be slow', () => {
    const began = performance.now()
    for (const body of ['['.repeat(5000), '*a '.repeat(3300), '> '.repeat(5000), '`'.repeat(9999), '<'.repeat(9999), 'a@'.repeat(5000), '- '.repeat(5000)]) parse(body)
    expect(performance.now() - began).toBeLessThan(5000)
  })
})
