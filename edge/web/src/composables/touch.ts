import { ref, type Ref } from 'vue'
import { IDLE, LONG_PRESS, isLongPress, moved, pressed, type Touch } from '@/messaging/gestures'

export interface MessageTouch {
  readonly touch: Readonly<Ref<Touch>>
  readonly listeners: Readonly<Record<string, (event: TouchEvent) => void>>
}

/** Feeds the fingers on one message to the gesture machine. Listeners are passive: scrolling stays the browser's. */
export function useMessageTouch(handlers: { reply: () => void; menu: () => void }): MessageTouch {
  const touch = ref<Touch>(IDLE)
  let timer: ReturnType<typeof setTimeout> | undefined

  const stop = () => {
    clearTimeout(timer)
    touch.value = IDLE
  }

  return {
    touch,
    listeners: {
      touchstartPassive(event) {
        stop()
        const finger = event.touches[0]
        if (event.touches.length !== 1 || finger === undefined) return
        touch.value = pressed({ x: finger.clientX, y: finger.clientY })
        timer = setTimeout(() => {
          if (!isLongPress(touch.value, LONG_PRESS)) return
          stop()
          handlers.menu()
        }, LONG_PRESS)
      },
      touchmovePassive(event) {
        const finger = event.touches[0]
        if (finger === undefined || touch.value.phase === 'idle') return
        touch.value = moved(touch.value, { x: finger.clientX, y: finger.clientY }, document.dir === 'rtl')
        if (touch.value.phase !== 'pressed') clearTimeout(timer)
      },
      touchend() {
        const { armed } = touch.value
        stop()
        if (armed) handlers.reply()
      },
      touchcancel: stop,
    },
  }
}
