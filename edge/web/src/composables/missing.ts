import { ref, watch, type Ref } from 'vue'
import { ApiError, type ConversationId } from '@/sdk'
import { useMessaging } from '@/stores/messaging'

/** Whether the server says that there is no such conversation for this person. Asked of those that the list lacks only. */
export function useMissing(shown: () => ConversationId | null): Readonly<Ref<boolean>> {
  const messaging = useMessaging()
  const missing = ref(false)
  watch(
    () => [shown(), messaging.connection.phase === 'live'] as const,
    async ([id, live], before) => {
      // A connection that comes back asks again, and shows no other face meanwhile.
      if (before?.[0] !== id) missing.value = false
      if (id === null || !live || messaging.conversations.some((one) => one.id === id)) return
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
