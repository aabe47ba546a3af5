/**
 * The files that this tab sends: two at a time, the others wait their turn. Each is stored with its content until the
 * server has all of it, so that the next page goes on where this one ended.
 */
import type { Bounds } from './backoff'
import type { Environment } from './environment'
import { newId } from './ids'
import { Derived, type Turn } from './observable'
import type { KeptUpload, Store } from './store'
import type { Asked, Tus } from './tus'
import { Sending, type Step, Unreadable } from './upload'
import type { CommandId, ConversationId, FileId, Id, SentFile, Upload, UploadId } from './types'

/** How many are sent at a time. */
export const AT_ONCE = 2
/** Files that wait or are sent at most: what a folder dropped by mistake may bring. */
export const MOST = 100

/** As it is stored. */
export interface StoredUpload {
  readonly id: UploadId
  readonly conversation: ConversationId
  readonly message: CommandId | null
  /** The tab that sends it. */
  readonly tab: Id
  readonly name: string
  readonly type: string
  readonly size: number
  readonly file: FileId | null
  readonly phase: 'paused' | 'done' | 'open'
}

/** What is sent, as much of a browser's File as counts. */
export type Content = Pick<Blob, 'size' | 'type' | 'slice'> & { readonly name: string }

export interface UploadsParts {
  /** Loaded when the first file is sent. */
  readonly tus: () => Promise<Pick<Tus, 'create' | 'offset' | 'append' | 'end'>>
  readonly store: Pick<Store, 'keepUpload' | 'dropUpload'>
  readonly environment: Pick<Environment, 'monotonic' | 'random'>
  readonly turn: Turn
  readonly tab: Id
  readonly bounds?: Bounds
  /** It is done, or failed for good. */
  readonly onEnd: (upload: Upload) => void
}

interface One {
  readonly facts: Omit<StoredUpload, 'file' | 'phase'>
  readonly content: Blob | null
  readonly sending: Sending
  kept: boolean
  message: CommandId | null
  /** Ends the request that runs. */
  stop: AbortController | null
  stored: Promise<unknown>
  shown: Upload | null
}

export class Uploads {
  readonly all: Derived<ReadonlyMap<UploadId, Upload>>
  private readonly parts: UploadsParts
  private readonly ones = new Map<UploadId, One>()
  private running = 0
  private timer: ReturnType<typeof setTimeout> | undefined
  private over = false

  constructor(parts: UploadsParts) {
    this.parts = parts
    this.all = new Derived(parts.turn, () => new Map([...this.ones].map(([id, one]) => [id, shownOf(one)])))
  }

  get(id: UploadId): Upload | null {
    const one = this.ones.get(id)
    return one === undefined ? null : shownOf(one)
  }

  /** The server's id of it, once it is there as a whole. */
  fileOf(id: UploadId): FileId | null {
    const sending = this.ones.get(id)?.sending
    return sending?.phase === 'done' ? sending.file : null
  }

  /** As a message has it. Null: there is none, or it failed. */
  sentFile(id: UploadId): SentFile | null {
    const one = this.ones.get(id)
    if (one === undefined || one.sending.phase === 'failed') return null
    const { name, type, size } = one.facts
    return { upload: id, file: this.fileOf(id), name, type, size }
  }

  /** Send it. Null: there are too many. */
  add(conversation: ConversationId, content: Content): UploadId | null {
    if (this.ones.size >= MOST) return null
    const { name, type, size } = content
    const facts = { id: newId(), conversation, message: null, tab: this.parts.tab, name, type, size }
    this.take(facts, content.slice(0, size, type), new Sending(size, null, this.parts.bounds))
    const one = this.ones.get(facts.id)!
    this.keep(one, one.content)
    this.pump()
    return facts.id
  }

  /** Go on with one of an earlier life, or of a tab that is gone. */
  adopt({ upload, content }: KeptUpload): void {
    if (this.ones.has(upload.id)) return
    const { file, phase, ...facts } = upload
    const sending = new Sending(facts.size, file, this.parts.bounds)
    if (phase === 'done') sending.reached(facts.size)
    else if (phase === 'paused') sending.pause()
    else if (content === null) sending.failed(new Unreadable(), 0, () => 0)
    const one = this.take({ ...facts, tab: this.parts.tab }, content, sending)
    this.keep(one)
    if (ended(sending)) this.parts.onEnd(shownOf(one))
    else this.pump()
  }

  /** The message waits for it. */
  bind(id: UploadId, message: CommandId): void {
    const one = this.ones.get(id)
    if (one === undefined) return
    one.message = message
    this.keep(one)
    this.changed(one)
  }

  pause(id: UploadId): void {
    const one = this.ones.get(id)
    if (one === undefined || ended(one.sending)) return
    one.sending.pause()
    one.stop?.abort()
    this.keep(one)
    this.changed(one)
  }

  /** Go on with one that was paused, rests or failed. */
  resume(id: UploadId): void {
    const one = this.ones.get(id)
    if (one === undefined) return
    one.sending.resume()
    this.keep(one)
    this.changed(one)
    this.pump()
  }

  /** Give it up, here and at the server. What is there already goes, unless a message holds it. */
  cancel(id: UploadId): void {
    const file = this.ones.get(id)?.sending.file ?? null
    this.forget(id)
    if (file !== null) void this.end(file)
  }

  /** A message names it: nothing more is to be done here. */
  forget(id: UploadId): void {
    const one = this.ones.get(id)
    if (one === undefined) return
    this.ones.delete(id)
    one.stop?.abort()
    one.stored = one.stored.then(() => this.parts.store.dropUpload(id))
    this.all.touch()
  }

  /** The network may be back: whoever rests tries at once. */
  hurry(): void {
    for (const { sending } of this.ones.values()) if (sending.phase === 'resting') sending.resumeAt = 0
    this.pump()
  }

  /** Leave all as it is, for the next page. */
  close(): void {
    this.over = true
    clearTimeout(this.timer)
    for (const one of this.ones.values()) one.stop?.abort()
  }

  private take(facts: One['facts'], content: Blob | null, sending: Sending): One {
    const one: One = { facts, content, sending, kept: true, message: facts.message, stop: null, stored: Promise.resolve(), shown: null }
    this.ones.set(facts.id, one)
    this.all.touch()
    return one
  }

  /** Begin what may begin now, and look again when the next one has rested. */
  private pump(): void {
    if (this.over) return
    clearTimeout(this.timer)
    const now = this.parts.environment.monotonic()
    let wake = Infinity
    for (const one of this.ones.values()) {
      const { sending } = one
      if (sending.phase === 'resting' && sending.resumeAt <= now) sending.phase = 'waiting'
      if (sending.phase === 'resting') wake = Math.min(wake, sending.resumeAt)
      if (sending.phase === 'waiting' && one.stop === null && this.running < AT_ONCE) void this.run(one)
    }
    if (wake < Infinity) this.timer = setTimeout(() => this.pump(), wake - now)
  }

  private async run(one: One): Promise<void> {
    const { sending } = one
    const stop = (one.stop = new AbortController())
    this.running += 1
    sending.phase = 'sending'
    this.changed(one)
    try {
      for (let step = sending.next(); step !== null && !stop.signal.aborted; step = sending.next()) await this.step(one, step, stop.signal)
    } catch (fault) {
      const { monotonic, random } = this.parts.environment
      if (!stop.signal.aborted) sending.failed(fault, monotonic(), random)
    }
    this.running -= 1
    one.stop = null
    if (this.over) return
    if (this.ones.has(one.facts.id)) this.landed(one)
    this.pump()
  }

  private async step(one: One, step: Step, signal: AbortSignal): Promise<void> {
    const { sending, facts, content } = one
    const tus = await this.parts.tus()
    const asked: Asked = {
      signal,
      progress: (sent) => {
        if (signal.aborted) return
        sending.progress = sent
        this.changed(one)
      },
    }
    if (step.do === 'create') {
      const { file, offset } = await tus.create(facts.name, facts.size, asked)
      if (!this.ones.has(facts.id)) {
        // Given up while the server was making it.
        return this.end(file)
      }
      sending.created(file, offset)
      this.keep(one)
    } else if (step.do === 'ask') {
      const offset = await tus.offset(step.file, asked)
      if (!signal.aborted) sending.reached(offset)
    } else {
      if (content === null) throw new Unreadable()
      const part = await readable(content.slice(step.from, step.to))
      const offset = await tus.append(step.file, step.from, part, asked)
      if (!signal.aborted) sending.reached(offset)
    }
    this.changed(one)
  }

  /** Have the server forget it; without an answer it expires by itself. */
  private async end(file: FileId): Promise<void> {
    await this.parts.tus().then((tus) => tus.end(file, { signal: new AbortController().signal })).catch(() => undefined)
  }

  private landed(one: One): void {
    const { phase } = one.sending
    this.changed(one)
    if (phase === 'done') this.keep(one, null)
    if (ended(one.sending)) this.parts.onEnd(shownOf(one))
  }

  /** Store it as it stands, behind what was stored of it before. */
  private keep(one: One, content?: Blob | null): void {
    const { facts, sending, message } = one
    const phase = sending.phase === 'done' || sending.phase === 'paused' ? sending.phase : 'open'
    const stored: StoredUpload = { ...facts, message, file: sending.file, phase }
    one.stored = one.stored.then(async () => {
      if (this.over || !this.ones.has(facts.id)) return
      const kept = await this.parts.store.keepUpload(stored, content)
      if (one.kept === kept || content === null) return
      one.kept = kept
      this.changed(one)
    })
  }

  private changed(one: One): void {
    one.shown = null
    this.all.touch()
  }
}

/** How files are sent; whoever sends none need not load it. */
export function lazyTus(...given: ConstructorParameters<typeof Tus>): () => Promise<Tus> {
  let coming: Promise<Tus> | null = null
  return () => {
    coming ??= import('./tus').then((module) => new module.Tus(...given))
    coming.catch(() => (coming = null))
    return coming
  }
}

const ended = ({ phase }: Sending): boolean => phase === 'done' || phase === 'failed'

/** The same object until something changes. */
function shownOf(one: One): Upload {
  const { facts, sending, message, kept } = one
  const { id, conversation, name, type, size } = facts
  one.shown ??= { id, conversation, message, name, type, size, sent: sending.sent, phase: sending.phase, trouble: sending.trouble, kept }
  return one.shown
}

/** What cannot be read (the file was changed or moved since it was chosen) is found out before it is sent. */
async function readable(part: Blob): Promise<Blob> {
  try {
    return new Blob([await part.arrayBuffer()])
  } catch {
    throw new Unreadable()
  }
}
