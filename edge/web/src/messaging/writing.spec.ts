import { describe, expect, it } from 'vitest'
import { composerAction, messageAction, type ComposerState, type Key } from './keys'
import { complete, matching, openMention, stillMentioned } from './mentions'

const people = ['Clara Jensen', 'Adam Ode', 'Çelik Ada', 'Klara Jansson', 'Bo'].map((name) => ({ id: name, name }))

describe('mentions', () => {
  it.each([
    ['@', 1, { start: 0, query: '' }],
    ['hello @cla', 10, { start: 6, query: 'cla' }],
    ['@Clara Jen', 10, { start: 0, query: 'Clara Jen' }],
    ['(@Bo', 4, { start: 1, query: 'Bo' }],
    ['mail@cla', 8, null],
    ['no', 2, null],
    ['@Bo\nnext', 8, null],
    ['@ Bo', 4, null],
    ['@a b c d', 8, null],
    [`@${'x'.repeat(50)}`, 51, null],
    ['@cla and more', 4, { start: 0, query: 'cla' }],
  ])('are open in %j at %i: %j', (text, caret, expected) => {
    expect(openMention(text, caret)).toEqual(expected)
  })

  it('offer the best first, whatever case and accents', () => {
    const names = (query: string) => matching(people, query).map(({ name }) => name)
    expect(names('ada')).toEqual(['Adam Ode', 'Çelik Ada'])
    expect(names('j')).toEqual(['Clara Jensen', 'Klara Jansson'])
    expect(names('lar')).toEqual(['Clara Jensen', 'Klara Jansson'])
    expect(names('cel')).toEqual(['Çelik Ada'])
    expect(names('zz')).toEqual([])
    expect(matching(people, '', 2)).toHaveLength(2)
  })

  it('are completed with the whole name and one blank', () => {
    expect(complete('hello @cla you', 10, { start: 6, query: 'cla' }, 'Clara Jensen')).toEqual({ text: 'hello @Clara Jensen you', caret: 20 })
    expect(complete('@b', 2, { start: 0, query: 'b' }, 'Bo')).toEqual({ text: '@Bo ', caret: 4 })
  })

  it('count only while the name still stands there', () => {
    expect(stillMentioned('x@Bo @Bob @Clara Jensen @Clara Jensen', people)).toEqual(['Clara Jensen'])
    expect(stillMentioned('nobody', people)).toEqual([])
  })
})

describe('keys', () => {
  const key = (name: string, more: Partial<Key> = {}): Key => ({ key: name, shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, isComposing: false, ...more })
  const idle: ComposerState = { empty: false, choosing: false, editing: false, replying: false, touch: false }

  it.each([
    ['Enter', {}, {}, 'send'],
    ['Enter', { shiftKey: true }, {}, null],
    ['Enter', { isComposing: true }, {}, null],
    ['Enter', {}, { touch: true }, null],
    ['Enter', { ctrlKey: true }, { touch: true }, 'send'],
    ['Enter', { metaKey: true }, { touch: true }, 'send'],
    ['Enter', {}, { choosing: true }, 'choose'],
    ['Tab', {}, { choosing: true }, 'choose'],
    ['Tab', {}, {}, null],
    ['ArrowDown', {}, { choosing: true }, 'choose-next'],
    ['ArrowUp', {}, { choosing: true, empty: true }, 'choose-previous'],
    ['Escape', {}, { choosing: true, editing: true }, 'stop-choosing'],
    ['a', {}, { choosing: true }, null],
    ['ArrowUp', {}, { empty: true }, 'edit-last'],
    ['ArrowUp', {}, {}, null],
    ['ArrowUp', { altKey: true }, { empty: true }, null],
    ['ArrowUp', {}, { empty: true, editing: true }, null],
    ['ArrowUp', { shiftKey: true }, { empty: true }, null],
    ['Escape', {}, { replying: true }, 'cancel'],
    ['Escape', {}, { editing: true }, 'cancel'],
    ['Escape', {}, {}, null],
  ] as const)('%s with %j in %j: %s', (name, more, state, expected) => {
    expect(composerAction(key(name, more), { ...idle, ...state })).toBe(expected)
  })

  it('act on a focused message, and leave the browser’s alone', () => {
    expect(messageAction(key('r'))).toBe('reply')
    expect(messageAction(key('+', { shiftKey: true }))).toBe('react')
    expect(messageAction(key('c', { ctrlKey: true }))).toBeNull()
    expect(messageAction(key('ArrowUp', { altKey: true }))).toBeNull()
    expect(messageAction(key('x'))).toBeNull()
  })
})
