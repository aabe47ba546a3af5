/** A command of one's own on its way, as every tab knows it and as it is stored. */
import type { CommandFrame } from './frames'
import type { OutgoingState, Refusal } from './types'

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
}
