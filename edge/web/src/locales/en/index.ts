import { app } from './app'
import { chat } from './chat'
import { frame } from './frame'

/** One file for each area, so that a text stands beside its neighbours. */
export const en = { app, chat, frame } as const
