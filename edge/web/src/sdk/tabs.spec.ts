// @vitest-environment node
import { afterEach, describe, expect, it, vi } from 'vitest'
import { FakeLocks } from '../../tests/fakes/locks'
import { type Said, Tabs } from './tabs'

const open: Tabs[] = []
function tab(locks?: FakeLocks): { tabs: Tabs; die: () => void; heard: Said[] } {
  const view = locks?.tab()
  const tabs = new Tabs('server', { locks: view, BroadcastChannel })
  open.push(tabs)
  const heard: Said[] = []
  tabs.listen((said) => heard.push(said))
  return { tabs, die: view?.die ?? (() => undefined), heard }
}

afterEach(() => {
  for (const one of open.splice(0)) one.close()
})

const WHO: Said = { type: 'session', account: null }
const HELLO: Said = { type: 'hello', account: 'me', cursors: [] }

describe('tabs', () => {
  it('have one leader, and another when it dies or gives up', async () => {
    const locks = new FakeLocks()
    const [first, second, third] = [tab(locks), tab(locks), tab(locks)]
    const led: string[] = []
    first.tabs.lead('me', () => led.push('first'))
    const giveUp = second.tabs.lead('me', () => led.push('second'))
    third.tabs.lead('me', () => led.push('third'))
    third.tabs.lead('somebody else', () => led.push('else'))
    await vi.waitFor(() => expect(led).toEqual(['first', 'else']))
    first.die()
    await vi.waitFor(() => expect(led).toEqual(['first', 'else', 'second']))
    giveUp()
    await vi.waitFor(() => expect(led).toEqual(['first', 'else', 'second', 'third']))
  })

  it('do not lead once they gave up waiting', async () => {
    const locks = new FakeLocks()
    const [first, second] = [tab(locks), tab(locks)]
    const lead = vi.fn()
    first.tabs.lead('me', () => undefined)
    second.tabs.lead('me', lead)()
    first.die()
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(lead).not.toHaveBeenCalled()
  })

  it('hear each other, and notice when one is gone', async () => {
    const locks = new FakeLocks()
    const [first, second] = [tab(locks), tab(locks)]
    first.tabs.say(HELLO)
    await vi.waitFor(() => expect(second.heard).toEqual([HELLO]))
    const gone = vi.fn()
    first.tabs.outlive(second.tabs.id, gone)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(gone).not.toHaveBeenCalled()
    second.die()
    await vi.waitFor(() => expect(gone).toHaveBeenCalledTimes(1))
  })

  it('each lead for themselves where there are no locks, and tell each other only who is there', async () => {
    const [first, second] = [tab(), tab()]
    const lead = vi.fn()
    first.tabs.lead('me', lead)
    second.tabs.lead('me', lead)
    first.tabs.lead('me', lead)()
    first.tabs.outlive(second.tabs.id, lead) // whether it is gone nobody can tell
    await vi.waitFor(() => expect(lead).toHaveBeenCalledTimes(3))
    first.tabs.say(HELLO)
    first.tabs.say(WHO)
    await vi.waitFor(() => expect(second.heard).toEqual([WHO]))
  })

  it('are alone where nothing can be broadcast', () => {
    const tabs = new Tabs('server', { locks: new FakeLocks().tab(), BroadcastChannel: undefined })
    const lead = vi.fn()
    tabs.listen(lead)
    tabs.say(WHO)
    tabs.lead('me', lead)
    tabs.close()
    expect(lead).not.toHaveBeenCalled()
  })
})
