import type { Notice } from '@/sdk'

/** What of a message that came is told, and how. */
export interface Telling {
  readonly toast: boolean
  readonly sound: boolean
  readonly desktop: boolean
}

export interface Situation {
  /** What this tab shows, and whether it can be seen. */
  readonly shown: string | null
  readonly visible: boolean
  /** What is in front in all tabs; empty where somebody is elsewhere. */
  readonly fronts: ReadonlySet<string>
  /** What the person wants on this browser. */
  readonly sound: boolean
  readonly desktop: boolean
}

/**
 * Whoever looks at the conversation has seen the message; whoever looks at another one is told in the page; whoever is
 * elsewhere by the desktop. Of several tabs one rings. What came while nobody was connected is in the list, unread.
 */
export function judged({ conversation, live, primary }: Pick<Notice, 'conversation' | 'live' | 'primary'>, at: Situation): Telling {
  const seen = at.fronts.has(conversation)
  return {
    toast: live && at.visible && at.shown !== conversation,
    sound: live && primary && at.sound && !seen,
    desktop: live && primary && at.desktop && at.fronts.size === 0,
  }
}
