/** Where a menu opens. Pixels of the viewport. */
export interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

const GAP = 4
const MARGIN = 8

/**
 * Below the anchor if it fits, else above, else as low as it can be, inside the viewport; its end at the anchor's end. An
 * anchor that is wider than it is no button but a text: its start at the anchor's start.
 */
export function placeMenu(anchor: Box, size: { width: number; height: number }, viewport: Box, rtl: boolean): { left: number; top: number } {
  const lowest = viewport.top + viewport.height - size.height - MARGIN
  const rightmost = viewport.left + viewport.width - size.width - MARGIN
  const below = anchor.top + anchor.height + GAP
  const above = anchor.top - GAP - size.height
  const top = below <= lowest ? below : above >= viewport.top + MARGIN ? above : lowest
  const atLeft = anchor.width > size.width ? !rtl : rtl
  const left = atLeft ? anchor.left : anchor.left + anchor.width - size.width
  return { left: clamp(left, viewport.left + MARGIN, rightmost), top: clamp(top, viewport.top + MARGIN, lowest) }
}

/** The low bound wins where both cannot hold. */
const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(value, high))
