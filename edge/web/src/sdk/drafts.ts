/** What one has begun to write, by conversation: stored while one types, the same in all tabs. */
import { Derived, type Turn } from './observable'
import type { ConversationId, Draft, Observable } from './types'

/** Keys come faster than it is worth storing. */
export const DRAFT_MS = 300

export class Drafts {
  readonly all: Observable<ReadonlyMap<ConversationId, Draft>>
  private readonly derived: Derived<ReadonlyMap<ConversationId, Draft>>
  private readonly drafts = new Map<ConversationId, Draft>()
  private readonly changed = new Set<ConversationId>()
  private readonly save: (conversation: ConversationId, draft: Draft | null) => void
  private timer: ReturnType<typeof setTimeout> | undefined

  /** `save` stores one, and tells the other tabs. */
  constructor(turn: Turn, save: (conversation: ConversationId, draft: Draft | null) => void) {
    this.all = this.derived = new Derived(turn, () => new Map(this.drafts))
    this.save = save
  }

  get(conversation: ConversationId): Draft | null {
    return this.drafts.get(conversation) ?? null
  }

  /** Null, or one that says nothing: there is none any more. */
  set(conversation: ConversationId, draft: Draft | null): void {
    this.heard(conversation, draft)
    this.changed.add(conversation)
    this.timer ??= setTimeout(() => this.flush(), DRAFT_MS)
  }

  /** Another tab, or the store, says so. */
  heard(conversation: ConversationId, draft: Draft | null): void {
    if (draft === null || (draft.body === '' && draft.replyTo === null && draft.editing === null)) {
      this.drafts.delete(conversation)
    } else {
      this.drafts.set(conversation, draft)
    }
    this.derived.touch()
  }

  /** Store what is not stored yet. */
  flush(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    for (const conversation of this.changed) this.save(conversation, this.get(conversation))
    this.changed.clear()
  }
}
