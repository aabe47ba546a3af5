/** A command of one's own on its way, as every tab knows it and as it is stored. */
import type { CommandFrame } from './frames'
import type { OutgoingState, Refusal, SentFile } from './types'

export interface Command {
  readonly id: string
  /** As it is sent, each time the same. */
  readonly frame: CommandFrame
  readonly madeAt: number
  readonly state: OutgoingState
  readonly refusal: Refusal | null
  /** Where it stands in the log, once that is known. */
  readonly seq: number | null
  /** It is stored here; false: it is lost if the page closes before it is sent. */
  readonly kept: boolean
  /** Of a message: the files that go with it. It is held until all of them have arrived; then `frame` names them. */
  readonly files?: readonly SentFile[]
}

/** It waits for files: not to be sent yet. */
export const isHeld = ({ files }: Command): boolean => files?.some(({ file }) => file === null) === true
