/** How long to wait before trying again: exponential, with full jitter, so that a crowd spreads out. Pure. */

export type Random = () => number

export interface Bounds {
  readonly first: number
  readonly most: number
}

export const BACKOFF: Bounds = { first: 500, most: 30_000 }

/** Milliseconds to wait before try number `attempt`, from 0: uniform below a doubling bound. */
export function fullJitter(attempt: number, random: Random, { first, most }: Bounds = BACKOFF): number {
  return random() * Math.min(most, first * 2 ** Math.min(attempt, 30))
}
