import { onScopeDispose, watch } from 'vue'

/**
 * Which conversations somebody looks at right now, in whatever tab: each tab in front holds a lock named after what it
 * shows. A tab that dies lets go of it, so nothing has to be cleaned up (W3C, Web Locks API).
 */
const PREFIX = 'parley-front '

/** Whether somebody looks at this tab, as far as a page can know. */
export const isInFront = (): boolean => document.visibilityState === 'visible' && document.hasFocus()

/** Holds the lock while this tab is in front. */
export function useFront(conversation: () => string | null, locks: LockManager | null | undefined = navigator.locks): void {
  let release: (() => void) | undefined

  function follow(): void {
    release?.()
    release = undefined
    if (!locks || !isInFront()) return
    const held = new Promise<void>((resolve) => (release = resolve))
    void locks.request(PREFIX + (conversation() ?? ''), { mode: 'shared' }, () => held).catch(() => undefined)
  }

  const events = ['focus', 'blur', 'visibilitychange'] as const
  for (const event of events) window.addEventListener(event, follow)
  watch(conversation, follow, { immediate: true })
  onScopeDispose(() => {
    for (const event of events) window.removeEventListener(event, follow)
    release?.()
  })
}

/** What is in front, in all tabs: conversations, and '' for a tab that shows none. */
export async function fronts(locks: LockManager | null | undefined = navigator.locks): Promise<ReadonlySet<string>> {
  const { held = [] } = (await locks?.query()) ?? {}
  return new Set(held.flatMap(({ name }) => (name?.startsWith(PREFIX) ? [name.slice(PREFIX.length)] : [])))
}
