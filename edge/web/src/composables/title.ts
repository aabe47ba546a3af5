import { watchEffect } from 'vue'
import { t } from '@/i18n'

/** The page's title: how much is unread in all, then what is open, so that a tab tells both at a glance. */
export function usePageTitle(unread: () => number, subject: () => string): void {
  watchEffect((onCleanup) => {
    const count = unread() === 0 ? '' : `(${unread() > 99 ? '99+' : unread()}) `
    document.title = `${count}${subject() === '' ? '' : `${subject()} · `}${t('app.name')}`
    onCleanup(() => (document.title = t('app.name')))
  })
}
