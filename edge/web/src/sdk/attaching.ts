/** Messages with files: held until the files have arrived, then sent, also by the page after this one. */
import { type Command, isHeld } from './command'
import type { Environment } from './environment'
import type { SendFrame } from './frames'
import type { Model } from './model'
import type { KeptUpload, Store } from './store'
import type { CommandId, Id, Upload, UploadId } from './types'
import type { Uploads } from './uploads'

export interface AttachingParts {
  readonly uploads: Uploads
  readonly environment: Pick<Environment, 'now'>
  readonly model: Pick<Model, 'commands'>
  readonly store: Pick<Store, 'dropUpload'>
  /** Show it, store it, have it sent unless it is held. Resolves once it is stored. */
  readonly entrust: (command: Command) => Promise<void>
  readonly drop: (id: CommandId) => void
  /** It was refused before it was sent. */
  readonly onRefused: (id: CommandId) => void
}

export class Attaching {
  private readonly parts: AttachingParts

  constructor(parts: AttachingParts) {
    this.parts = parts
  }

  /** Say something with files; those that failed stay behind. */
  send(frame: SendFrame, chosen: readonly UploadId[]): CommandId {
    const { uploads, environment } = this.parts
    const files = chosen.map((id) => uploads.sentFile(id)).filter((file) => file !== null)
    for (const { upload } of files) uploads.bind(upload, frame.id)
    this.go({ id: frame.id, frame, madeAt: environment.now(), state: 'queued', refusal: null, seq: null, kept: true, files })
    return frame.id
  }

  /** A file has arrived, or never will. */
  ended({ id, message, phase, trouble }: Upload): void {
    if (message === null) return // nobody has sent it yet
    const { uploads, model } = this.parts
    const waiting = model.commands.get(message)
    if (waiting === undefined || !isHeld(waiting)) return uploads.forget(id)
    if (phase === 'failed') return this.refuse(waiting, trouble ?? 'refused')
    this.go({ ...waiting, files: waiting.files!.map((file) => (file.upload === id ? { ...file, file: uploads.fileOf(id) } : file)) })
  }

  /** Do without a file: its message goes without it, or not at all where nothing else is in it. */
  cancel(id: UploadId): void {
    const { uploads, model, drop } = this.parts
    const message = uploads.get(id)?.message ?? null
    uploads.cancel(id)
    const waiting = message === null ? undefined : model.commands.get(message)
    if (waiting === undefined || !isHeld(waiting)) return
    const files = waiting.files!.filter(({ upload }) => upload !== id)
    if (files.length === 0 && (waiting.frame as SendFrame).body === '') drop(waiting.id)
    else this.go({ ...waiting, files, state: 'queued', refusal: null })
  }

  /** Try again: its files, too. */
  retry(command: Command): void {
    const { uploads } = this.parts
    this.go({ ...command, state: 'queued', refusal: null })
    for (const { upload, file } of command.files ?? []) if (file === null) uploads.resume(upload)
    this.miss(command)
  }

  /** Nobody wants it any more. */
  discard({ files = [] }: Command): void {
    for (const { upload, file } of files) if (file === null) this.parts.uploads.cancel(upload)
  }

  /** Go on with what the tab `of` was sending. */
  adopt(kept: readonly KeptUpload[], of: Id): void {
    const { uploads, model, store } = this.parts
    const known = new Set(kept.map(({ upload }) => upload.id))
    for (const one of kept) {
      const { id, tab, message } = one.upload
      if (tab !== of) continue
      const waiting = message === null ? undefined : model.commands.get(message)
      if (message !== null && (waiting === undefined || !isHeld(waiting))) void store.dropUpload(id)
      else uploads.adopt(one)
    }
    for (const one of [...model.commands.values()]) if (one.state === 'queued') this.miss(one, known)
  }

  /** Refuse it where a file of it is nowhere. */
  private miss(command: Command, known: ReadonlySet<UploadId> = new Set()): void {
    const { uploads } = this.parts
    const lost = (command.files ?? []).some(({ upload, file }) => file === null && uploads.get(upload) === null && !known.has(upload))
    if (lost) this.refuse(command, 'file_lost')
  }

  private refuse(command: Command, code: string): void {
    void this.parts.entrust({ ...command, state: 'refused', refusal: { code, message: '', field: 'attachments' } })
    this.parts.onRefused(command.id)
  }

  /** As far as it has got: the files that arrived are named in what is sent. */
  private go(command: Command): void {
    const { uploads, entrust } = this.parts
    const files = command.files ?? []
    const ids = files.map(({ file }) => file).filter((file) => file !== null)
    const frame = withoutFiles(command.frame as SendFrame)
    void entrust({ ...command, frame: ids.length === 0 ? frame : { ...frame, attachments: ids } }).then(() => {
      if (!isHeld(command)) for (const { upload } of files) uploads.forget(upload)
    })
  }
}

function withoutFiles({ attachments: _, ...frame }: SendFrame): SendFrame {
  return frame
}
