import { app } from './app'
import { chat } from './chat'
import { files } from './files'
import { frame } from './frame'
import { notices } from './notices'
import { people } from './people'
import { quarantine } from './quarantine'
import { shortcuts } from './shortcuts'

/** One file for each area, so that a text stands beside its neighbours. */
export const en = { app, chat, files, frame, notices, people, quarantine, shortcuts } as const
