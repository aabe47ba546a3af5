import { onScopeDispose, watch } from 'vue'

const SIDE = 64
const PICTURE = '/icons/parley-180.png'

type Badging = { setAppBadge?: (count: number) => Promise<void>; clearAppBadge?: () => Promise<void> }

/** How much is unread, on the icon: of the tab (drawn), and of the installed app (Badging API). */
export function useBadge(unread: () => number, badging: Badging = navigator): void {
  const plain = [...document.querySelectorAll<HTMLLinkElement>('link[rel=icon]')]
  const drawn = document.createElement('link')
  drawn.rel = 'icon'

  function show(href: string | null): void {
    if (href === null) {
      drawn.remove()
      document.head.append(...plain)
    } else {
      drawn.href = href
      for (const link of plain) link.remove()
      document.head.append(drawn)
    }
  }

  async function follow(count: number): Promise<void> {
    void (count === 0 ? badging.clearAppBadge?.() : badging.setAppBadge?.(count))?.catch(() => undefined)
    const picture = count === 0 ? null : await withCount(count)
    if (count === unread()) show(picture)
  }

  watch(unread, (count) => void follow(count), { immediate: true })
  onScopeDispose(() => {
    show(null)
    void badging.clearAppBadge?.().catch(() => undefined)
  })
}

/** The icon with a count on it, as a data address; null where nothing can be drawn. */
async function withCount(count: number): Promise<string | null> {
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = SIDE
  const context = canvas.getContext('2d')
  if (context === null) return null
  const icon = new Image()
  icon.src = PICTURE
  try {
    await icon.decode()
  } catch {
    return null
  }
  context.drawImage(icon, 0, 0, SIDE, SIDE)
  const text = count > 9 ? '9+' : String(count)
  context.beginPath()
  context.arc(44, 44, 20, 0, 2 * Math.PI)
  context.fillStyle = '#b3261e'
  context.fill()
  context.fillStyle = '#fff'
  context.font = `600 ${text.length > 1 ? 24 : 30}px sans-serif`
  context.textAlign = 'center'
  context.textBaseline = 'middle'
  context.fillText(text, 44, 46)
  return canvas.toDataURL('image/png')
}
