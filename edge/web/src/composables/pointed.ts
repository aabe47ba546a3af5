/**
 * Whether a finger was last used, as `data-touched` on `<html>`. Browsers show the focus ring where a script moves the
 * focus out of a field, also after a touch, and there it stays: who touches does not need it. A key brings it back.
 */
export function followPointing(root: HTMLElement = document.documentElement, target: EventTarget = window): () => void {
  const onPointer = (event: Event) => root.toggleAttribute('data-touched', (event as PointerEvent).pointerType === 'touch')
  // What is typed on the screen is no walk by keys.
  const onKey = (event: Event) => {
    if (/^(?:Tab|Escape|Arrow|Home|End|Page)/.test((event as KeyboardEvent).key)) root.removeAttribute('data-touched')
  }
  target.addEventListener('pointerdown', onPointer, true)
  target.addEventListener('keydown', onKey, true)
  return () => {
    target.removeEventListener('pointerdown', onPointer, true)
    target.removeEventListener('keydown', onKey, true)
  }
}
