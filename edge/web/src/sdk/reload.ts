/** Reading doubtful conversations anew over HTTP, after a `resync`. */
import type { Api } from './api'
import { fullJitter, type Random } from './backoff'
import type { Change } from './change'
import { ApiError } from './faults'
import type { Logs } from './log'
import type { ConversationId } from './types'

export const RELOAD_EVENTS = 200

export interface ReloadParts {
  readonly api: Api
  readonly logs: Logs
  readonly random: Random
  /** Wait so many milliseconds. False: it is over, nobody wants it any more. */
  readonly pause: (ms: number) => Promise<boolean>
  readonly publish: (change: Change) => boolean
  /** The live stream of this conversation goes on. */
  readonly done: (conversation: ConversationId) => void
}

/**
 * Restart the log of `conversation` (null: all in doubt) from its newest events, trying until it works. One that the
 * account may not see is forgotten. The epoch changes when no log is in doubt any more.
 */
export async function reload(parts: ReloadParts, conversation: ConversationId | null): Promise<void> {
  const { logs, random, pause, done } = parts
  for (let attempt = 0; ; attempt += 1) {
    const doubtful = [...logs].filter((log) => log.stale).map((log) => log.conversation)
    try {
      for (const one of conversation === null ? doubtful : [conversation]) {
        const epoch = await restart(parts, one)
        logs.settle(epoch)
        if (epoch !== null) done(one)
      }
      return
    } catch {
      if (!(await pause(fullJitter(attempt, random)))) return
    }
  }
}

/** The epoch that the log now counts in; null when the conversation is not for us. */
async function restart({ api, logs, publish }: ReloadParts, conversation: ConversationId): Promise<string | null> {
  try {
    const details = await api.conversation(conversation)
    const page = await api.events(conversation, { before: details.head + 1, limit: RELOAD_EVENTS })
    const log = logs.open(conversation)
    const visible = log.restart(page.items, details.head)
    publish({ type: 'restarted', conversation, base: log.base!, head: log.head })
    for (const event of visible) publish({ type: 'event', event, live: false })
    publish({ type: 'details', details })
    publish({ type: 'heads', items: [details] })
    return page.epoch
  } catch (fault) {
    if (!(fault instanceof ApiError) || (fault.status !== 403 && fault.status !== 404)) throw fault
    logs.forget(conversation)
    publish({ type: 'forgotten', conversation })
    return null
  }
}
