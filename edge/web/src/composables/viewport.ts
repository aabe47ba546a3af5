/**
 * What is left of the page above an on-screen keyboard, as `--viewport-height` and `--viewport-top` on `<html>`. Some
 * browsers shrink only the visual viewport: without this the keyboard would lie over the composer. Called once.
 */
export function followViewport(viewport: VisualViewport | null = window.visualViewport, root: HTMLElement = document.documentElement): () => void {
  if (viewport === null) return () => undefined
  const follow = () => {
    // Zoomed in, the visual viewport is a magnifier and says nothing about a keyboard.
    if (viewport.scale > 1.01) return
    root.style.setProperty('--viewport-height', `${viewport.height}px`)
    root.style.setProperty('--viewport-top', `${viewport.offsetTop}px`)
  }
  follow()
  viewport.addEventListener('resize', follow)
  viewport.addEventListener('scroll', follow)
  return () => {
    viewport.removeEventListener('resize', follow)
    viewport.removeEventListener('scroll', follow)
  }
}
