/** An image that is zoomed and moved inside a stage, as numbers; the component feeds it pointers. */

export const FURTHEST = 8
/** px that a finger has to go to turn over to another image. */
const TURN = 60

export interface View {
  readonly scale: number
  /** How far its middle is from the stage's, in px. */
  readonly x: number
  readonly y: number
}

export interface Extent {
  readonly width: number
  readonly height: number
}

export const WHOLE: View = { scale: 1, x: 0, y: 0 }

/** `image`: as large as it stands at scale 1. It never leaves the stage: where it is smaller it stays in the middle. */
export function kept({ scale, x, y }: View, image: Extent, stage: Extent): View {
  const room = (inside: number, outside: number): number => Math.max(0, (inside * scale - outside) / 2)
  const within = (value: number, most: number): number => Math.min(most, Math.max(-most, value))
  return { scale, x: within(x, room(image.width, stage.width)), y: within(y, room(image.height, stage.height)) }
}

/** Larger by `factor`; what is under `at` (from the stage's middle) stays there. */
export function zoomed(view: View, factor: number, at: { x: number; y: number }, image: Extent, stage: Extent): View {
  const scale = Math.min(FURTHEST, Math.max(1, view.scale * factor))
  if (scale === 1) return WHOLE
  const by = scale / view.scale
  return kept({ scale, x: at.x - (at.x - view.x) * by, y: at.y - (at.y - view.y) * by }, image, stage)
}

export function moved(view: View, dx: number, dy: number, image: Extent, stage: Extent): View {
  return kept({ ...view, x: view.x + dx, y: view.y + dy }, image, stage)
}

/** Where a swipe leads: 1 to the next image, -1 to the one before, 0 nowhere. */
export function turned(dx: number, dy: number, rtl: boolean): -1 | 0 | 1 {
  if (Math.abs(dx) < TURN || Math.abs(dx) < Math.abs(dy) * 2) return 0
  return dx < 0 === rtl ? -1 : 1
}
