import { inject, onScopeDispose, watch } from 'vue'
import { useRouter } from 'vue-router'
import { t } from '@/i18n'
import { saidText } from '@/messaging/said'
import { UPDATE } from '@/offline/update'
import type { ConversationId, Notice } from '@/sdk'
import { useMessaging } from '@/stores/messaging'
import { useAway } from './away'
import { useBadge } from './badge'
import { notify, withdraw } from './desktop'
import { fronts, isInFront, useFront } from './front'
import { judged } from './judge'
import { ring } from './sound'
import { makeToasts, type Toasts } from './toasts'
import { wishes } from './wishes'

/** Tells whoever sits here of messages in what is not in front of them: in the page, by a sound, on the desktop, on the icon. */
export function useNotices(shown: () => ConversationId | null): Toasts {
  const messaging = useMessaging()
  const router = useRouter()
  const update = inject(UPDATE, null)
  const toasts = makeToasts()
  wishes.start()
  useFront(shown)
  useAway((state) => messaging.parley.be(state))
  useBadge(() => messaging.unread)

  /** What this page has in front, also where a browser has no locks by which the others' is known. */
  const here = (): readonly string[] => (isInFront() ? [shown() ?? ''] : [])
  const takeBack = (tag?: string): void => void withdraw(update?.registration() ?? null, tag).catch(() => undefined)

  async function tell(notice: Notice): Promise<void> {
    const { conversation, message, mentioned } = notice
    const telling = judged(notice, {
      shown: shown(),
      visible: document.visibilityState === 'visible',
      fronts: new Set([...(await fronts()), ...here()]),
      sound: wishes.sound.value,
      desktop: wishes.desktop.value,
    })
    if (telling.toast) toasts.add({ conversation, message, mentioned })
    if (telling.sound) ring()
    if (!telling.desktop) return
    const told = {
      title: mentioned ? t('notices.mentioned', { name: messaging.name(message.actor) }) : messaging.name(message.actor),
      body: [messaging.subject(conversation), saidText(message, 200)].filter((line) => line !== '').join('\n'),
      tag: conversation,
      path: `/c/${conversation}/${message.seq}`,
    }
    await notify(told, update?.registration() ?? null, (path) => void router.push(path))
  }

  // Where a browser does not keep its word (a permission taken back just now), the message is in the list all the same.
  onScopeDispose(messaging.parley.on('notice', (notice) => void tell(notice).catch(() => undefined)))
  watch(
    shown,
    (id) => {
      if (id === null) return
      toasts.remove(id)
      takeBack(id)
    },
    { immediate: true },
  )
  onScopeDispose(() => takeBack())
  return toasts
}
