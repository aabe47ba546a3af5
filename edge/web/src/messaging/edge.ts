/** A swipe from the edge of the page goes back: as a machine that sees points and times; `composables/back.ts` feeds it. */
import { SLOP, type Point } from './gestures'

/** Within so many px of the edge at which a line begins, a touch is a swipe back, and nothing else. */
export const EDGE = 24
/** Of the width: pulled further, it goes when it is let go. */
const ENOUGH = 0.35
/** px a ms: a flick goes, too. */
const FLICK = 0.5
/** ms: a finger that rests so long before it is let go does not flick. */
const HELD = 100

export interface Pull {
  readonly from: Point
  readonly at: number
  /** Once it is a scroll it stays one. */
  readonly phase: 'pressed' | 'pulling' | 'scrolling'
  /** How far, in px in reading direction. */
  readonly pulled: number
  readonly speed: number
}

/** px from the edge at which lines begin. */
export const fromEdge = (x: number, width: number, rtl: boolean): number => (rtl ? width - x : x)

export const begun = (from: Point, at: number): Pull => ({ from, at, phase: 'pressed', pulled: 0, speed: 0 })

export function pulledTo(pull: Pull, to: Point, at: number, rtl: boolean): Pull {
  if (pull.phase === 'scrolling') return pull
  const along = (to.x - pull.from.x) * (rtl ? -1 : 1)
  const across = Math.abs(to.y - pull.from.y)
  if (pull.phase === 'pressed') {
    if (Math.hypot(along, across) < SLOP) return pull
    if (along < across) return { ...pull, phase: 'scrolling' }
  }
  const pulled = Math.max(0, along)
  const speed = at > pull.at ? (pulled - pull.pulled) / (at - pull.at) : pull.speed
  return { ...pull, phase: 'pulling', pulled, speed, at }
}

/** Let go at `at`: does it go back? */
export const goes = (pull: Pull, width: number, at: number): boolean => pull.phase === 'pulling' && (pull.pulled > width * ENOUGH || (pull.speed > FLICK && at - pull.at < HELD))
