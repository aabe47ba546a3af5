import { onScopeDispose } from 'vue'
import { useRoute, useRouter } from 'vue-router'

/** `Alt-↑` and `Alt-↓` go to the conversation before or behind the open one, in the order that the list has now. */
export function useNeighbours(ids: () => readonly string[]): void {
  const route = useRoute()
  const router = useRouter()

  function onKey(event: KeyboardEvent): void {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key]
    // A dialog is before everything else.
    if (step === undefined || !event.altKey || event.ctrlKey || event.metaKey || document.querySelector('dialog[open]') !== null) return
    const all = ids()
    const here = all.indexOf(String(route.params['conversation'] ?? ''))
    const next = here === -1 ? all.at(step === 1 ? 0 : -1) : all[here + step]
    event.preventDefault()
    if (next !== undefined) void router.push({ name: 'conversation', params: { conversation: next } })
  }

  window.addEventListener('keydown', onKey)
  onScopeDispose(() => window.removeEventListener('keydown', onKey))
}
