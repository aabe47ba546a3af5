import { onScopeDispose, shallowRef, type ShallowRef } from 'vue'
import type { Observable } from '@/sdk'

/**
 * A value of the SDK as a ref, brought up to date at most once a frame: at 200 events a second it is drawn 60 times.
 * A hidden tab has no frames, but a title and a sound to keep right: there a timer takes their place.
 */
export function observed<T>(observable: Observable<T>): Readonly<ShallowRef<T>> {
  const value = shallowRef(observable.value) as ShallowRef<T>
  let cancel: (() => void) | null = null
  const update = () => {
    cancel = null
    value.value = observable.value
  }
  const unsubscribe = observable.subscribe(() => (cancel ??= soon(update)))
  onScopeDispose(() => {
    unsubscribe()
    cancel?.()
  })
  return value
}

function soon(update: () => void): () => void {
  if (document.hidden) {
    const timer = setTimeout(update, 100)
    return () => clearTimeout(timer)
  }
  const frame = requestAnimationFrame(update)
  return () => cancelAnimationFrame(frame)
}
