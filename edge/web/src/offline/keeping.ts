import { watch } from 'vue'
import type { useMessaging } from '@/stores/messaging'

/**
 * Browsers clear what pages store when a disk is full, unless they were asked not to. They are asked once there is something
 * to lose: something unsent, and nowhere to send it to. Some ask the person then, who sees what it is about.
 */
export function keepWhatIsUnsent(messaging: ReturnType<typeof useMessaging>, storage: StorageManager | undefined = navigator.storage): void {
  const stop = watch(
    () => messaging.unsent > 0 && messaging.connection.phase === 'offline',
    (is) => {
      if (!is) return
      stop()
      void storage?.persist?.().catch(() => undefined)
    },
  )
}
