import { onScopeDispose, watch, type ShallowRef } from 'vue'
import { lastOwn } from '@/messaging/rows'
import type { AccountId, CommandId, Message, Timeline } from '@/sdk'

/** So long ↑ waits for the log, in ms. It takes a few: an ack may come before the event that it acknowledges. */
const PATIENCE = 1500

export interface LastOwn {
  readonly timeline: Readonly<ShallowRef<Timeline>>
  readonly me: () => AccountId | null
  /** Nothing has been written meanwhile. */
  readonly free: () => boolean
  readonly edit: (message: Message) => void
  /** It is not in the log, and may not be for a while: there is no connection. */
  readonly tooEarly: () => void
}

/**
 * Edit what one said last: at once, or as soon as it can be. What is on its way has no seq yet, by which an edit names
 * it; to take the message before it instead would change the wrong one.
 */
export function useEditLast({ timeline, me, free, edit, tooEarly }: LastOwn): () => void {
  let awaited: CommandId | null = null
  let timer: ReturnType<typeof setTimeout> | undefined

  function forget(): void {
    clearTimeout(timer)
    awaited = null
  }

  function look(): void {
    const last = lastOwn(timeline.value, me() ?? '')
    if (last === undefined || last.id !== awaited || !free()) return forget()
    if (last.kind === 'outgoing' || (last.change !== null && last.change.state !== 'refused')) return
    forget()
    edit(last)
  }

  watch(timeline, () => awaited !== null && look())
  onScopeDispose(forget)

  return () => {
    forget()
    awaited = lastOwn(timeline.value, me() ?? '')?.id ?? null
    look()
    if (awaited === null) return
    timer = setTimeout(() => {
      if (free()) tooEarly()
      forget()
    }, PATIENCE)
  }
}
