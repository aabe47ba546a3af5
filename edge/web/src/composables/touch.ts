import { computed, ref, shallowRef, type ComputedRef } from 'vue'
import { EDGE, fromEdge } from '@/messaging/edge'
import { IDLE, LONG_PRESS, isLongPress, moved, pressed, type Touch } from '@/messaging/gestures'

export interface MessageTouch {
  /** The message that a finger pulls aside, and how far in px; null while none is pulled. */
  readonly pulled: ComputedRef<{ readonly key: string; readonly by: number } | null>
  readonly listeners: Readonly<Record<string, (event: TouchEvent) => void>>
}

/**
 * Feeds the fingers on a list of messages to the gesture machine; one set of listeners for all of them, since a list
 * that is scrolled fast makes new rows with each frame. They are passive: scrolling stays the browser's. `keyAt` tells
 * which message something belongs to.
 */
export function useMessageTouch(handlers: { keyAt: (target: EventTarget | null) => string | null; reply: (key: string) => void; menu: (key: string) => void }): MessageTouch {
  const touch = ref<Touch>(IDLE)
  const on = shallowRef<string | null>(null)
  let timer: ReturnType<typeof setTimeout> | undefined
  let opened = false

  const stop = () => {
    clearTimeout(timer)
    touch.value = IDLE
  }

  return {
    pulled: computed(() => (on.value === null || touch.value.pulled === 0 ? null : { key: on.value, by: touch.value.pulled })),
    listeners: {
      touchstartPassive(event) {
        stop()
        opened = false
        const finger = event.touches[0]
        const key = handlers.keyAt(event.target)
        if (event.touches.length !== 1 || finger === undefined || key === null) return
        // What begins there is a swipe back.
        if (fromEdge(finger.clientX, window.innerWidth, document.dir === 'rtl') <= EDGE) return
        on.value = key
        touch.value = pressed({ x: finger.clientX, y: finger.clientY })
        timer = setTimeout(() => {
          if (!isLongPress(touch.value, LONG_PRESS)) return
          stop()
          opened = true
          handlers.menu(key)
        }, LONG_PRESS)
      },
      touchmovePassive(event) {
        const finger = event.touches[0]
        if (finger === undefined || touch.value.phase === 'idle') return
        touch.value = moved(touch.value, { x: finger.clientX, y: finger.clientY }, document.dir === 'rtl')
        if (touch.value.phase !== 'pressed') clearTimeout(timer)
      },
      touchend(event) {
        // The menu may lie under the finger by now: to lift it is not to press what is there.
        if (opened) event.preventDefault()
        const { armed } = touch.value
        stop()
        if (armed && on.value !== null) handlers.reply(on.value)
      },
      touchcancel: stop,
    },
  }
}
