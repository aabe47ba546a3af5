import { watchEffect, type ComputedRef } from 'vue'
import { t } from '@/i18n'
import type { Conversation } from '@/sdk'

/** The page's title: how much is unread in all, then what is open, so that a tab tells both at a glance. */
export function usePageTitle(conversations: () => readonly Conversation[], here: ComputedRef<string | null>): void {
  watchEffect((onCleanup) => {
    const unread = conversations().reduce((sum, one) => sum + one.unread, 0)
    const subject = conversations().find((one) => one.id === here.value)?.subject
    const count = unread === 0 ? '' : `(${unread > 99 ? '99+' : unread}) `
    document.title = `${count}${subject ? `${subject} · ` : ''}${t('app.name')}`
    onCleanup(() => (document.title = t('app.name')))
  })
}
