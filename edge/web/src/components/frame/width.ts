/** How wide the list is, in px; kept for the browser. */
const STORED = 'parley.list'
export const LEAST = 260
export const MOST = 520
export const USUAL = 320

export function storedWidth(): number {
  const stored = Number(localStorage.getItem(STORED))
  return stored >= LEAST && stored <= MOST ? stored : USUAL
}

/** What is possible of it, kept for the next time. */
export function keptWidth(px: number): number {
  const width = Math.round(Math.min(MOST, Math.max(LEAST, px)))
  localStorage.setItem(STORED, String(width))
  return width
}
