/** Files in messages, and what became of them. Pure. */
import type { AttachmentFrame, FileScannedEvent } from './frames'
import type { Attachment, FileId, Message } from './types'

export const NO_ATTACHMENTS: readonly Attachment[] = []

export function attachmentOf(frame: AttachmentFrame): Attachment {
  const { id, name, type, size, state, revision } = frame
  return { id, name, type, size, state, revision, ...verdictOf(frame) }
}

export function attachmentsOf(frames: readonly AttachmentFrame[] | undefined): readonly Attachment[] {
  return frames === undefined || frames.length === 0 ? NO_ATTACHMENTS : frames.map(attachmentOf)
}

/** A message as it was stored before there were files. */
export function withAttachments(message: Message): Message {
  return (message as Partial<Message>).attachments === undefined ? { ...message, attachments: NO_ATTACHMENTS } : message
}

/** The latest verdict on each file that the log told of: the greatest revision wins, in whatever order they come. */
export class Verdicts {
  private readonly latest = new Map<FileId, FileScannedEvent>()

  /** False: a later one is known already. */
  say(event: FileScannedEvent): boolean {
    if (event.revision <= (this.latest.get(event.file)?.revision ?? 0)) return false
    this.latest.set(event.file, event)
    return true
  }

  /** The message with its files as they stand now; the same object where nothing is new. */
  on(message: Message): Message {
    if (!message.attachments.some((file) => this.newer(file) !== undefined)) return message
    return { ...message, attachments: message.attachments.map((file) => judged(file, this.newer(file))) }
  }

  clear(): void {
    this.latest.clear()
  }

  private newer({ id, revision }: Attachment): FileScannedEvent | undefined {
    const verdict = this.latest.get(id)
    return verdict !== undefined && verdict.revision > revision ? verdict : undefined
  }
}

function judged(file: Attachment, event: FileScannedEvent | undefined): Attachment {
  return event === undefined ? file : { ...file, state: event.verdict, revision: event.revision, ...verdictOf(event) }
}

type Verdict = Pick<Attachment, 'reason' | 'signature' | 'width' | 'height' | 'previews'>

function verdictOf({ reason, signature, width, height, previews }: Partial<Verdict> | AttachmentFrame): Verdict {
  return { reason: reason ?? null, signature: signature ?? null, width: width ?? null, height: height ?? null, previews: previews ?? false }
}
