import { computed, onScopeDispose, ref, shallowRef, type ComputedRef, type Ref, type ShallowRef } from 'vue'
import type { AccountId, ConversationId, Draft, Message } from '@/sdk'
import { stillMentioned, type Candidate } from '@/messaging/mentions'

/** What the protocol takes in one message (`limits.body`). */
export const LONGEST = 10_000
const KEEP_AFTER = 400

/** What the composer needs of the world. */
export interface ComposerPort {
  readonly conversation: ConversationId
  send(body: string, options: { replyTo: number | null; mentions: readonly AccountId[] }): void
  edit(seq: number, body: string): void
  typing(on: boolean): void
  /** Files go with it: then it needs no text. */
  attached(): boolean
  readDraft(): Draft | null
  keepDraft(draft: Draft | null): void
  name(account: AccountId): string
}

export interface Composer {
  readonly body: Ref<string>
  readonly replyTo: Readonly<Ref<number | null>>
  /** The seq of the message whose text is being changed. */
  readonly editing: Readonly<Ref<number | null>>
  readonly chosen: Readonly<ShallowRef<readonly Candidate[]>>
  readonly tooMany: ComputedRef<number>
  readonly sendable: ComputedRef<boolean>
  readonly typed: (body: string) => void
  readonly mention: (person: Candidate) => void
  readonly reply: (message: Message) => void
  readonly edit: (message: Message) => void
  readonly cancel: () => void
  /** False: there was nothing to send, or too much. */
  readonly submit: () => boolean
  /** Keep what there is at once: the page goes. */
  readonly keep: () => void
}

/**
 * What is being written, and as what: a new message, an answer, or the new text of an old one. It is kept as the
 * conversation's draft. What was being written when an edit began comes back after it.
 */
export function useComposer(port: ComposerPort): Composer {
  const draft = port.readDraft()
  const body = ref(draft?.body ?? '')
  const replyTo = ref(draft?.replyTo ?? null)
  const editing = ref(draft?.editing ?? null)
  const chosen = shallowRef<readonly Candidate[]>((draft?.mentions ?? []).map((id) => ({ id, name: port.name(id) })))
  let aside: Draft | null = null
  let timer: ReturnType<typeof setTimeout> | undefined

  // The server counts code points.
  const tooMany = computed(() => (body.value.length <= LONGEST ? 0 : Math.max(0, [...body.value].length - LONGEST)))
  const sendable = computed(() => (body.value.trim() !== '' || (editing.value === null && port.attached())) && tooMany.value === 0)
  const mentions = () => stillMentioned(body.value, chosen.value)

  function now(): Draft {
    return { body: body.value, replyTo: replyTo.value, editing: editing.value, mentions: mentions() }
  }

  function show(next: Draft | null): void {
    body.value = next?.body ?? ''
    replyTo.value = next?.replyTo ?? null
    editing.value = next?.editing ?? null
    chosen.value = (next?.mentions ?? []).map((id) => ({ id, name: port.name(id) }))
  }

  function keep(): void {
    clearTimeout(timer)
    timer = undefined
    const draft = now()
    port.keepDraft(draft.body === '' && draft.replyTo === null && draft.editing === null ? null : draft)
  }

  function keepSoon(): void {
    timer ??= setTimeout(keep, KEEP_AFTER)
  }

  function done(): void {
    port.typing(false)
    show(aside)
    aside = null
    keep()
  }

  onScopeDispose(() => timer !== undefined && keep())

  return {
    body,
    replyTo,
    editing,
    chosen,
    tooMany,
    sendable,
    typed(next) {
      body.value = next
      port.typing(next.trim() !== '')
      keepSoon()
    },
    mention(person) {
      chosen.value = [...chosen.value.filter(({ id }) => id !== person.id), person]
    },
    reply(message) {
      if (editing.value !== null) done()
      replyTo.value = message.seq
      keepSoon()
    },
    edit(message) {
      if (editing.value === null) aside = body.value === '' && replyTo.value === null ? null : now()
      show({ body: message.body ?? '', replyTo: null, editing: message.seq, mentions: message.mentions })
      keepSoon()
    },
    cancel() {
      if (editing.value !== null) done()
      else {
        replyTo.value = null
        keepSoon()
      }
    },
    submit() {
      if (!sendable.value) return false
      const text = body.value.trim()
      if (editing.value === null) port.send(text, { replyTo: replyTo.value, mentions: mentions() })
      else port.edit(editing.value, text)
      done()
      return true
    },
    keep,
  }
}
