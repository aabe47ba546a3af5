import { app } from './app'

/** One file for each area, so that a text stands beside its neighbours. */
export const en = { app } as const
