import type { Attachment } from '@/sdk'

/** What can be shown of a file, by the type that the server found. */
export type FileKind = 'image' | 'pdf' | 'text' | 'other'

export function kindOf(type: string): FileKind {
  if (type.startsWith('image/')) return 'image'
  if (type === 'application/pdf') return 'pdf'
  return type.startsWith('text/') || type === 'application/json' ? 'text' : 'other'
}

/** It can be shown as an image: one of its smaller copies, never what was uploaded. */
export const isPicture = ({ state, previews, type }: Attachment): boolean => state === 'clean' && previews && kindOf(type) === 'image'

/** How large pictures may be in a message that has so many. */
export const PICTURES = (count: number): { width: number; height: number } => (count === 1 ? { width: 360, height: 300 } : { width: 220, height: 150 })

/** How large a picture stands in a list, in px: known before it is loaded, so that nothing moves when it is. */
export function boxOf({ width, height }: Pick<Attachment, 'width' | 'height'>, most: { readonly width: number; readonly height: number }): { width: number; height: number } {
  if (width === null || height === null || width <= 0 || height <= 0) return { width: most.height, height: most.height }
  const scale = Math.min(1, most.width / width, most.height / height)
  // A strip of one pixel could not be pressed.
  return { width: Math.max(44, Math.round(width * scale)), height: Math.max(44, Math.round(height * scale)) }
}
