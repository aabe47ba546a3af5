import { ref, watch, type Ref } from 'vue'
import { ApiError, type ConversationId } from '@/sdk'
import { useMessaging } from '@/stores/messaging'

/** Whether the server says that there is no such conversation for this person. Asked only of those of which nothing is known here. */
export function useMissing(shown: () => ConversationId | null): Readonly<Ref<boolean>> {
  const messaging = useMessaging()
  const missing = ref(false)
  const isKnown = (id: ConversationId) => {
    const facts = messaging.parley.conversation(id).value
    return facts !== null && facts.member && facts.subject !== ''
  }
  watch(
    // Two sources, not one pair made anew: what else changes about the connection asks nothing.
    [shown, () => messaging.connection.phase === 'live'] as const,
    async ([id, live], [before]) => {
      // A connection that comes back asks again, and shows no other face meanwhile.
      if (before !== id) missing.value = false
      if (id === null || !live || isKnown(id)) return
      try {
        await messaging.parley.details(id)
        if (shown() === id) missing.value = false
      } catch (fault) {
        // All else is a passing trouble, of which the banner tells.
        if (shown() === id) missing.value = fault instanceof ApiError && [403, 404, 422].includes(fault.status)
      }
    },
    { immediate: true },
  )
  return missing
}
