import { onScopeDispose } from 'vue'

const IDLE = 5 * 60_000
const SIGNS = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart', 'focus'] as const

/** Says that nobody is there after five minutes without a sign of somebody, and at the first sign that somebody is. */
export function useAway(be: (state: 'online' | 'away') => void): void {
  let away = false
  let last = Date.now()
  let timer = setTimeout(look, IDLE)

  // Signs come by the hundred: each moves a time, and the timer looks at it when it is due.
  function look(): void {
    const rest = last + IDLE - Date.now()
    if (rest > 0) {
      timer = setTimeout(look, rest)
      return
    }
    away = true
    be('away')
  }

  function sign(): void {
    last = Date.now()
    if (!away) return
    away = false
    be('online')
    timer = setTimeout(look, IDLE)
  }

  for (const event of SIGNS) window.addEventListener(event, sign, { passive: true, capture: true })
  onScopeDispose(() => {
    clearTimeout(timer)
    for (const event of SIGNS) window.removeEventListener(event, sign, { capture: true })
  })
}
