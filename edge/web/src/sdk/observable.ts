/** Values that change, told cheaply: who listens is told once, and reads when it suits. */
import type { Observable, Unsubscribe } from './types'

/** Calls back, in one microtask after the present turn, for all that became dirty in it. */
export class Turn {
  private readonly waiting = new Set<() => void>()
  private planned = false

  add(tell: () => void): void {
    this.waiting.add(tell)
    if (this.planned) return
    this.planned = true
    queueMicrotask(() => {
      this.planned = false
      const due = [...this.waiting]
      this.waiting.clear()
      for (const one of due) one()
    })
  }
}

/** An observable whose value is computed when it is read, and kept until `touch`. */
export class Derived<T> implements Observable<T> {
  private readonly listeners = new Set<() => void>()
  private current: T | undefined
  private clean = false
  private readonly turn: Turn
  private readonly compute: () => T

  constructor(turn: Turn, compute: () => T) {
    this.turn = turn
    this.compute = compute
  }

  get value(): T {
    if (!this.clean) {
      this.current = this.compute()
      this.clean = true
    }
    return this.current as T
  }

  subscribe(listener: () => void): Unsubscribe {
    void this.value // unread is dirty, and what is dirty says nothing
    const own = (): void => listener() // the same function may listen twice
    this.listeners.add(own)
    return () => this.listeners.delete(own)
  }

  /** What it is computed from has changed. Nothing is said twice between two reads. */
  touch(): void {
    if (!this.clean) return
    this.clean = false
    if (this.listeners.size > 0) this.turn.add(this.tell)
  }

  private readonly tell = (): void => {
    for (const listener of [...this.listeners]) listener()
  }
}

/** An observable that is set. Setting what it holds already says nothing. */
export class Cell<T> implements Observable<T> {
  private readonly derived: Derived<T>
  private held: T

  constructor(turn: Turn, first: T) {
    this.held = first
    this.derived = new Derived(turn, () => this.held)
  }

  get value(): T {
    return this.derived.value
  }

  set(value: T): void {
    if (Object.is(value, this.held)) return
    this.held = value
    this.derived.touch()
  }

  subscribe(listener: () => void): Unsubscribe {
    return this.derived.subscribe(listener)
  }
}
