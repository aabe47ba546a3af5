// @vitest-environment node
import { describe, expect, it } from 'vitest'
import type { Change } from './change'
import { Model } from './model'
import { Turn } from './observable'
import { Receiver, Sender, snapshotOf } from './relay'
import type { Said } from './tabs'

const change = (id: string): Change => ({ type: 'dropped', id })
const says = (said: Said | null): Extract<Said, { type: 'changes' }> => said as Extract<Said, { type: 'changes' }>

describe('changes for other tabs', () => {
  it('are not kept where nobody follows', () => {
    const sender = new Sender('me')
    expect(sender.add(change('a'))).toBe(false)
    expect(sender.flush()).toBeNull()
  })

  it('go together, numbered, and each is taken once', () => {
    const sender = new Sender('me')
    const receiver = new Receiver()
    expect(sender.greeted('tab')).toBe(true)
    expect(sender.greeted('tab')).toBe(false)
    expect(sender.add(change('a'))).toBe(true)
    expect(sender.add(change('b'))).toBe(false)
    const early = says(sender.flush())
    expect(receiver.take(early.term, early.first, early.changes)).toEqual([])
    const welcome = sender.welcome('tab', snapshotOf(new Model('me', new Turn()), new Map()))
    if (welcome.type === 'welcome') receiver.welcomed(welcome.term, welcome.next)
    expect(receiver.take(early.term, early.first, early.changes)).toEqual([])
    sender.add(change('c'))
    const next = says(sender.flush())
    expect(receiver.take(next.term, next.first, next.changes)).toEqual([change('c')])
    sender.lost('tab')
    expect(sender.add(change('d'))).toBe(false)
  })

  it('that are missing, or of another leader, are noticed', () => {
    const receiver = new Receiver()
    receiver.welcomed('t', 5)
    expect(receiver.take('t', 7, [change('a')])).toBeNull()
    expect(receiver.take('t', 5, [change('a')])).toEqual([])
    receiver.welcomed('t', 5)
    expect(receiver.take('other', 5, [change('a')])).toBeNull()
    receiver.welcomed('t', 5)
    receiver.lost()
    expect(receiver.take('t', 5, [change('a')])).toEqual([])
  })
})

describe('a snapshot', () => {
  it('holds conversations where the other tab knows less, and of the others how much is read', () => {
    const model = new Model('me', new Turn())
    for (const [id, head] of [['new', 4], ['same', 5], ['behind', 6]] as const) {
      model.apply({ type: 'heads', items: [{ id, head, read: 1, unread: 2 }] }, 0)
    }
    model.apply({ type: 'left', conversation: 'same' }, 0)
    const snapshot = snapshotOf(model, new Map([['same', 5], ['behind', 7]]))
    expect(snapshot.folds.map(({ id }) => id)).toEqual(['new'])
    expect(snapshot.standings).toEqual([{ id: 'same', head: 5, read: 1, unread: 2, counted: 5, marks: [] }])
    expect(snapshot.left).toEqual(['same'])
  })
})
