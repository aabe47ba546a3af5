import { ref, type Ref } from 'vue'
import type { ConversationId, Message } from '@/sdk'

export interface Toast {
  readonly conversation: ConversationId
  readonly message: Message
  readonly mentioned: boolean
}

const MOST = 3
const LASTS = 7000

export interface Toasts {
  /** At most three, the newest last; one for each conversation. */
  readonly all: Readonly<Ref<readonly Toast[]>>
  add(toast: Toast): void
  remove(conversation: ConversationId): void
  /** Somebody is at them, by pointer or by focus: none goes until neither is. */
  hold(by: 'pointer' | 'focus'): void
  resume(by: 'pointer' | 'focus'): void
}

export function makeToasts(): Toasts {
  const all = ref<readonly Toast[]>([])
  const timers = new Map<ConversationId, ReturnType<typeof setTimeout>>()
  const held = new Set<string>()

  const remove = (conversation: ConversationId): void => {
    clearTimeout(timers.get(conversation))
    timers.delete(conversation)
    all.value = all.value.filter((one) => one.conversation !== conversation)
    // What had the focus, or the pointer, is gone with the last: not every browser says so.
    if (all.value.length === 0) held.clear()
  }
  const wind = (conversation: ConversationId): void => {
    clearTimeout(timers.get(conversation))
    if (held.size === 0) timers.set(conversation, setTimeout(() => remove(conversation), LASTS))
  }

  return {
    all,
    add(toast) {
      all.value = [...all.value.filter((one) => one.conversation !== toast.conversation), toast]
      wind(toast.conversation)
      for (const one of all.value.slice(0, -MOST)) remove(one.conversation)
    },
    remove,
    hold(by) {
      held.add(by)
      for (const timer of timers.values()) clearTimeout(timer)
    },
    resume(by) {
      held.delete(by)
      if (held.size === 0) for (const { conversation } of all.value) wind(conversation)
    },
  }
}
