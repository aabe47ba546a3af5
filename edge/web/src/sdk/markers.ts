/** How far the reader has got, on its way to the server: state, sent again until its receipt comes. Pure. */
import type { ClientFrame, MarkKind } from './frames'
import type { ConversationId } from './types'

/** Without a receipt the marker is sent again. */
export const AGAIN_MS = 5_000
/** `delivered` is said at most once in this time. */
export const DELIVERED_MS = 1_000

interface Marker {
  readonly kind: MarkKind
  readonly conversation: ConversationId
  wanted: number
  known: number
  sent: number
  sentAt: number
}

/** One for `read` and one for `delivered` in each conversation; the greatest wins. */
export class Markers {
  private readonly markers = new Map<string, Marker>()
  /** Those whose receipt is still to come. */
  private readonly open = new Set<Marker>()

  /** Everything up to `seq` is read, or delivered. */
  want(kind: MarkKind, conversation: ConversationId, seq: number): void {
    const key = `${kind} ${conversation}`
    let marker = this.markers.get(key)
    if (marker === undefined) {
      marker = { kind, conversation, wanted: 0, known: 0, sent: 0, sentAt: -Infinity }
      this.markers.set(key, marker)
    }
    marker.wanted = Math.max(marker.wanted, seq)
    if (marker.wanted > marker.known) this.open.add(marker)
  }

  /** The server has stored so much, at the wish of this connection or another. */
  receipt(conversation: ConversationId, read: number, delivered: number): void {
    for (const [kind, seq] of [['read', read], ['delivered', delivered]] as const) {
      const marker = this.markers.get(`${kind} ${conversation}`)
      if (marker === undefined) continue
      marker.known = Math.max(marker.known, seq)
      if (marker.wanted <= marker.known) this.open.delete(marker)
    }
  }

  /** What was sent may be lost: it is sent again on the next connection. */
  disconnected(): void {
    for (const marker of this.open) {
      marker.sent = 0
      marker.sentAt = -Infinity
    }
  }

  /** The account may not read it any more. */
  forget(conversation: ConversationId): void {
    for (const kind of ['read', 'delivered']) {
      const key = `${kind} ${conversation}`
      const marker = this.markers.get(key)
      if (marker === undefined) continue
      this.markers.delete(key)
      this.open.delete(marker)
    }
  }

  /** Frames to send now. */
  due(now: number): ClientFrame[] {
    const frames: ClientFrame[] = []
    for (const marker of this.open) {
      if (dueAt(marker) > now) continue
      marker.sent = marker.wanted
      marker.sentAt = now
      frames.push({ type: marker.kind, conversation: marker.conversation, seq: marker.wanted })
    }
    return frames
  }

  /** When `due` will have something; null: never. */
  wake(now: number): number | null {
    let at: number | null = null
    for (const marker of this.open) at = Math.min(at ?? Infinity, dueAt(marker))
    return at === null ? null : Math.max(now, at)
  }
}

/** A farther one after the pause, the same again after silence. */
function dueAt(marker: Marker): number {
  const pause = marker.kind === 'delivered' ? DELIVERED_MS : 0
  return marker.sentAt + (marker.wanted > marker.sent ? pause : AGAIN_MS)
}
