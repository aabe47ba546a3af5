import { computed, shallowRef } from 'vue'

const STORED = 'parley.theme'
export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

const current = shallowRef<Theme>('system')

function use(theme: Theme): void {
  current.value = theme
  if (theme === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
}

/** Light, dark, or whatever the system says: `design/tokens.css` follows `data-theme`. Kept for the browser, not for an account. */
export const theme = {
  chosen: computed(() => current.value),

  /** Before the app is mounted: nobody should see the other one first. */
  start(): void {
    const stored = localStorage.getItem(STORED)
    use(themes.find((one) => one === stored) ?? 'system')
  },

  choose(one: Theme): void {
    localStorage.setItem(STORED, one)
    use(one)
  },

  /** To the other one than is seen now. */
  turn(): void {
    const dark = current.value === 'system' ? matchMedia('(prefers-color-scheme: dark)').matches : current.value === 'dark'
    theme.choose(dark ? 'light' : 'dark')
  },
}
