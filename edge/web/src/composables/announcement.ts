import { ref, watch, type Ref } from 'vue'
import type { Chat } from '@/components/messaging/chat'
import { t } from '@/i18n'
import { saidText } from '@/messaging/said'

/** What a screen reader is told: each new message of others once. What was there before is no news. */
export function useAnnouncement(chat: Chat): Readonly<Ref<string>> {
  const text = ref('')
  let told = Math.max(chat.timeline.value.head, chat.timeline.value.cursor)
  let known = chat.timeline.value.entries.length > 0
  watch(chat.timeline, (timeline) => {
    const newest = timeline.entries.at(-1)
    if (newest === undefined || newest.seq <= told) return
    told = newest.seq
    // The first page is what was there; later ones are news.
    if (known && newest.kind === 'message' && newest.actor !== chat.me.value && newest.body !== null)
      text.value = t('chat.announced', { name: chat.name(newest.actor), text: saidText(newest) })
    known = true
  })
  return text
}
