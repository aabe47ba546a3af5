/** Who is who, and what projects are called: asked for once, when a name is to be drawn. */
import type { Api } from './api'
import { ApiError } from './faults'
import { Derived, type Turn } from './observable'
import type { Id, Person, Project } from './types'

/** Questions at a time. */
const PARALLEL = 4
/** Who could not be found is asked for again after so long. */
const AGAIN_MS = 60_000

interface Named {
  readonly id: Id
  readonly name: string
}

/** Things with an id and a name, fetched one by one. */
class Register<T extends Named> {
  readonly all: Derived<ReadonlyMap<Id, T>>
  private readonly known = new Map<Id, T>()
  private readonly missing = new Map<Id, number>()
  private readonly waiting = new Set<Id>()
  private readonly fetch: (id: Id) => Promise<T>
  private readonly now: () => number
  private readonly onLearned: (one: T) => void
  private asking = 0

  constructor(turn: Turn, now: () => number, fetch: (id: Id) => Promise<T>, onLearned: (one: T) => void) {
    this.all = new Derived(turn, () => new Map(this.known))
    this.now = now
    this.fetch = fetch
    this.onLearned = onLearned
  }

  /** Undefined: not known yet; it is asked for, and `all` tells when it comes. */
  get(id: Id): T | undefined {
    const found = this.known.get(id)
    if (found === undefined && (this.missing.get(id) ?? -Infinity) + AGAIN_MS <= this.now()) {
      this.missing.set(id, this.now())
      this.waiting.add(id)
      queueMicrotask(() => this.ask())
    }
    return found
  }

  learn(one: T, store: boolean): void {
    const before = this.known.get(one.id)
    if (before !== undefined && JSON.stringify(before) === JSON.stringify(one)) return
    this.known.set(one.id, one)
    this.all.touch()
    if (store) this.onLearned(one)
  }

  has(id: Id): boolean {
    return this.known.has(id)
  }

  private ask(): void {
    for (const id of this.waiting) {
      if (this.asking >= PARALLEL) return
      this.waiting.delete(id)
      this.asking += 1
      this.fetch(id)
        .then((one) => this.learn(one, true))
        .catch((fault: unknown) => {
          // Without an answer the next one who draws the name asks again.
          if (!(fault instanceof ApiError)) this.missing.delete(id)
        })
        .finally(() => {
          this.asking -= 1
          this.ask()
        })
    }
  }
}

export class Directory {
  readonly people: Register<Person>
  readonly projects: Register<Project>

  constructor(turn: Turn, now: () => number, api: Api, onLearned: (people: Person[], projects: Project[]) => void) {
    this.people = new Register(turn, now, (id) => api.account(id).then(personOf), (one) => onLearned([one], []))
    this.projects = new Register(turn, now, (id) => api.project(id).then(projectOf), (one) => onLearned([], [one]))
  }

  /** As they were stored. */
  recall(people: readonly Person[], projects: readonly Project[]): void {
    for (const one of people) this.people.learn(one, false)
    for (const one of projects) this.projects.learn(one, false)
  }
}

/** Exactly what we keep of an answer. */
export function personOf({ id, name, role, email }: Person): Person {
  return { id, name, role, email: email ?? null }
}

export function projectOf({ id, name, members }: Project): Project {
  return { id, name, members }
}
