// @vitest-environment node
import { describe, expect, it, vi } from 'vitest'
import { Cell, Derived, Turn } from './observable'

const turn = (): Promise<void> => Promise.resolve()

describe('an observable', () => {
  it('computes when it is read, and once', () => {
    const compute = vi.fn(() => ({}))
    const derived = new Derived(new Turn(), compute)
    expect(compute).not.toHaveBeenCalled()
    expect(derived.value).toBe(derived.value)
    derived.touch()
    derived.touch()
    expect(compute).toHaveBeenCalledTimes(1)
    void derived.value
    expect(compute).toHaveBeenCalledTimes(2)
  })

  it('tells once for all that happens until somebody reads', async () => {
    const derived = new Derived(new Turn(), () => ({}))
    const heard = vi.fn()
    const end = derived.subscribe(heard)
    derived.touch()
    expect(heard).not.toHaveBeenCalled() // never in the middle of a change
    await turn()
    derived.touch()
    await turn()
    expect(heard).toHaveBeenCalledTimes(1)
    void derived.value
    derived.touch()
    await turn()
    expect(heard).toHaveBeenCalledTimes(2)
    void derived.value
    end()
    derived.touch()
    await turn()
    expect(heard).toHaveBeenCalledTimes(2)
  })

  it('tells each listener, also the same one twice', async () => {
    const derived = new Derived(new Turn(), () => 0)
    const heard = vi.fn()
    derived.subscribe(heard)
    derived.subscribe(heard)
    derived.touch()
    await turn()
    expect(heard).toHaveBeenCalledTimes(2)
  })

  it('that is set says nothing where nothing changes', async () => {
    const cell = new Cell(new Turn(), 1)
    const heard = vi.fn()
    cell.subscribe(heard)
    cell.set(1)
    await turn()
    expect(heard).not.toHaveBeenCalled()
    cell.set(2)
    expect(cell.value).toBe(2)
    await turn()
    expect(heard).toHaveBeenCalledTimes(1)
  })
})
