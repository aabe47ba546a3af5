/** Swipe to reply and long press, as a machine that sees points and times; the composable feeds it. */

export const LONG_PRESS = 450
/** px: until then a finger may only tremble. */
export const SLOP = 10
const TRIGGER = 56
const FURTHEST = 72

export interface Point {
  readonly x: number
  readonly y: number
}

export interface Touch {
  readonly phase: 'idle' | 'pressed' | 'swiping' | 'scrolling'
  readonly from: Point
  /** How far the message is pulled, in px, 0 to 72; always towards the middle of the page. */
  readonly pulled: number
  /** Let go now, it is a reply. */
  readonly armed: boolean
}

export const IDLE: Touch = { phase: 'idle', from: { x: 0, y: 0 }, pulled: 0, armed: false }

export const pressed = (from: Point): Touch => ({ ...IDLE, phase: 'pressed', from })

/** `rtl`: the page reads from right to left, so the swipe is mirrored. Once it is a scroll, it stays one. */
export function moved(touch: Touch, to: Point, rtl: boolean): Touch {
  if (touch.phase === 'idle' || touch.phase === 'scrolling') return touch
  const along = (to.x - touch.from.x) * (rtl ? -1 : 1)
  const across = Math.abs(to.y - touch.from.y)
  if (touch.phase === 'pressed') {
    if (Math.hypot(along, across) < SLOP) return touch
    // Only a swipe in reading direction is ours: the other one, and one from the edge, is the browser's “back”.
    if (along < across * 2) return { ...touch, phase: 'scrolling' }
  }
  // Past the trigger it resists, so that the hand feels where it is.
  const beyond = Math.max(0, along - TRIGGER)
  const pulled = Math.max(0, Math.min(FURTHEST, Math.min(along, TRIGGER) + beyond / 4))
  return { ...touch, phase: 'swiping', pulled, armed: along >= TRIGGER }
}

/** Whether a finger that has been down so long, in ms, asks for the menu. */
export const isLongPress = (touch: Touch, held: number): boolean => touch.phase === 'pressed' && held >= LONG_PRESS
