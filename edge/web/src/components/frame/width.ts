/** How wide the list is, in px; kept for the browser. */
const STORED = 'parley.list'
export const LEAST = 260
export const MOST = 520
export const USUAL = 320

/** To be chosen without a drag (WCAG 2.2, 2.5.7). */
export const WIDTHS = { narrow: LEAST, usual: USUAL, wide: 420 } as const

export function storedWidth(): number {
  const stored = Number(localStorage.getItem(STORED))
  return stored >= LEAST && stored <= MOST ? stored : USUAL
}

/** What is possible of it. */
export const boundedWidth = (px: number): number => Math.round(Math.min(MOST, Math.max(LEAST, px)))

/** For the next time: once a move is over, not with every step of it. */
export const keepWidth = (px: number): void => localStorage.setItem(STORED, String(px))
