/**
 * One file on its way by tus 1.0: which request comes next, and what its answer means. Pure.
 *
 * What the server has is what it says it has: after every failure it is asked before anything more is sent.
 */
import { BACKOFF, type Bounds, fullJitter, type Random } from './backoff'
import { ApiError } from './faults'
import type { FileId, Upload, UploadTrouble } from './types'

const MEBI = 1024 * 1024
/** Lost at most when a connection breaks: each part is one request, and one object of the server's. */
export const partSize = (size: number): number => (size <= 16 * MEBI ? MEBI : 2 * MEBI)
/** How often an upload that the server forgot is begun anew. */
const BEGINNINGS = 3

export type Step =
  | { readonly do: 'create' }
  | { readonly do: 'ask'; readonly file: FileId }
  | { readonly do: 'send'; readonly file: FileId; readonly from: number; readonly to: number }

/** Bytes that could not be read from where they were chosen. */
export class Unreadable extends Error {}

export class Sending {
  readonly size: number
  phase: Upload['phase'] = 'waiting'
  file: FileId | null
  offset = 0
  /** Of the part that is on its way. */
  progress = 0
  /** When a resting one goes on. */
  resumeAt = 0
  trouble: UploadTrouble | null = null
  private sure: boolean
  private failures = 0
  private beginnings = 0
  private readonly bounds: Bounds

  /** `file`: it was begun in an earlier life of this page. */
  constructor(size: number, file: FileId | null = null, bounds: Bounds = BACKOFF) {
    this.size = size
    this.file = file
    this.sure = false
    this.bounds = bounds
  }

  get sent(): number {
    return Math.min(this.size, this.offset + this.progress)
  }

  /** What to ask of the server now; null: nothing, it is done. */
  next(): Step | null {
    if (this.file === null) return { do: 'create' }
    if (!this.sure) return { do: 'ask', file: this.file }
    if (this.offset >= this.size) return null
    return { do: 'send', file: this.file, from: this.offset, to: Math.min(this.size, this.offset + partSize(this.size)) }
  }

  created(file: FileId, offset: number): void {
    this.file = file
    this.reached(offset)
  }

  /** The server has so much. */
  reached(offset: number): void {
    if (offset > this.offset) this.failures = 0
    this.offset = offset
    this.progress = 0
    this.sure = true
    if (offset >= this.size) this.phase = 'done'
  }

  /** A request went wrong: it rests and goes on, begins anew, or is over. */
  failed(fault: unknown, now: number, random: Random): void {
    this.sure = false
    this.progress = 0
    const trouble = troubleOf(fault)
    const gone = fault instanceof ApiError && (fault.status === 404 || fault.status === 410)
    if (trouble !== null) return this.end(trouble)
    if (gone) {
      this.beginnings += 1
      if (this.beginnings > BEGINNINGS) return this.end('expired')
      this.file = null
      this.offset = 0
    }
    const told = fault instanceof ApiError ? fault.retryAfter : null
    this.phase = 'resting'
    this.resumeAt = now + (told === null ? fullJitter(this.failures, random, this.bounds) : told * 1000)
    this.failures += 1
  }

  /** The part that is on its way is given up; what of it arrived, the server knows. */
  pause(): void {
    if (this.phase === 'done' || this.phase === 'failed') return
    this.sure = false
    this.progress = 0
    this.phase = 'paused'
  }

  /** Go on, after whatever it was. */
  resume(): void {
    if (this.phase === 'done' || this.phase === 'sending' || this.phase === 'waiting') return
    // What was refused for good is asked for anew: the quota may be larger by now.
    if (this.phase === 'failed') this.beginnings = 0
    this.failures = 0
    this.trouble = null
    this.phase = 'waiting'
  }

  private end(trouble: UploadTrouble): void {
    this.phase = 'failed'
    this.trouble = trouble
  }
}

/** Null: it may work the next time. */
function troubleOf(fault: unknown): UploadTrouble | null {
  if (fault instanceof Unreadable) return 'unreadable'
  if (!(fault instanceof ApiError)) return null
  const { status, code, field } = fault
  if (status === 413) return code === 'quota_exceeded' ? 'quota_exceeded' : 'too_large'
  if (status === 403) return 'forbidden'
  if (code === 'invalid') return field === 'filename' ? 'type_not_allowed' : 'refused'
  // Of these the next try, or another sign of who one is, may come through.
  const passing = status >= 500 || [401, 404, 408, 409, 410, 423, 425, 429].includes(status)
  return passing ? null : 'refused'
}
