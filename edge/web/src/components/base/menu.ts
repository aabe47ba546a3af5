/** In a menu the arrow keys go from item to item, and round (WAI-ARIA APG, menu). A listener for keys on what holds the items. */
export function walkMenu(event: KeyboardEvent): void {
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
  if (step === 0) return
  event.preventDefault()
  const items = [...(event.currentTarget as Element).querySelectorAll<HTMLElement>('[role^=menuitem]')]
  items[(items.indexOf(document.activeElement as HTMLElement) + step + items.length) % items.length]?.focus()
}
