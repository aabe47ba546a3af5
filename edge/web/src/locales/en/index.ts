import { app } from './app'
import { chat } from './chat'

/** One file for each area, so that a text stands beside its neighbours. */
export const en = { app, chat } as const
