import { ref, type Ref } from 'vue'
import { begun, EDGE, fromEdge, goes, pulledTo, type Pull } from '@/messaging/edge'

export interface SwipeBack {
  /** How far the page is pulled, in px; null while nobody pulls. */
  readonly pulled: Readonly<Ref<number | null>>
  readonly listeners: Readonly<Record<string, (event: TouchEvent) => void>>
}

const rtl = () => document.dir === 'rtl'

/** Feeds the finger at the page's edge to the machine. Where a browser goes back by itself from there, no touch comes here. */
export function useSwipeBack(back: () => void): SwipeBack {
  const pulled = ref<number | null>(null)
  let pull: Pull | null = null

  const stop = (): void => {
    pull = null
    pulled.value = null
  }

  return {
    pulled,
    listeners: {
      touchstartPassive(event) {
        const finger = event.touches[0]
        stop()
        if (event.touches.length !== 1 || finger === undefined || !matchMedia('(max-width: 699px)').matches) return
        if (fromEdge(finger.clientX, window.innerWidth, rtl()) <= EDGE) pull = begun({ x: finger.clientX, y: finger.clientY }, event.timeStamp)
      },
      touchmovePassive(event) {
        const finger = event.touches[0]
        if (pull === null || finger === undefined) return
        pull = pulledTo(pull, { x: finger.clientX, y: finger.clientY }, event.timeStamp, rtl())
        pulled.value = pull.phase === 'pulling' ? pull.pulled : null
      },
      touchend({ timeStamp }) {
        const gone = pull !== null && goes(pull, window.innerWidth, timeStamp)
        stop()
        if (gone) back()
      },
      touchcancel: stop,
    },
  }
}
