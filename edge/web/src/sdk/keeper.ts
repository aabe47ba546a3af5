/** Keeps a connection: opens one, and after its end another, as the close code says. */
import { fullJitter, type Bounds, BACKOFF } from './backoff'
import type { Credentials } from './credentials'
import type { Environment } from './environment'
import { ApiError } from './faults'
import type { End } from './line'

/** A connection that lived this long ends the back-off before it. */
export const STEADY_MS = 5_000
/** The server does not want us, whenever we come. */
const FINAL: Readonly<Record<number, string>> = { 4403: 'forbidden', 1008: 'origin' }
const NOT_AUTHENTICATED = 4401
const NAMES: Readonly<Record<number, string>> = {
  4400: 'bad_frame', 4408: 'slow_consumer', 4413: 'too_large', 4429: 'rate', 4503: 'draining',
}

export interface Kept extends End {
  /** The server said for how long to stay away. */
  readonly awayMs: number | null
  /** It refused our hello for what it said, not for who we are. */
  readonly mended: boolean
}

export type Standing =
  | { readonly phase: 'connecting' }
  | { readonly phase: 'offline'; readonly reason: string; readonly waitMs: number }
  | { readonly phase: 'stopped'; readonly reason: string }

export interface KeeperParts {
  readonly environment: Pick<Environment, 'monotonic' | 'random'>
  readonly credentials: Credentials
  readonly bounds?: Bounds
  /** Live one connection. */
  readonly connect: (token: string | null) => Promise<Kept>
  readonly tell: (standing: Standing) => void
}

export class Keeper {
  private readonly parts: KeeperParts
  private stopped = false
  private readonly sleepers = new Set<() => void>()

  constructor(parts: KeeperParts) {
    this.parts = parts
  }

  /** Until `stop`, or until the server does not want us. */
  async run(): Promise<void> {
    const { environment, tell, bounds = BACKOFF } = this.parts
    let attempt = 0
    let renewed = false
    while (!this.stopped) {
      tell({ phase: 'connecting' })
      const began = environment.monotonic()
      const after = await this.once()
      if (this.stopped) return
      if (after.final) {
        tell({ phase: 'stopped', reason: after.reason })
        return
      }
      if (environment.monotonic() - began >= STEADY_MS) {
        attempt = 0
        renewed = false
      }
      // New credentials are worth trying at once, but not twice in a row.
      const waitMs = after.renewed && !renewed ? 0 : (after.awayMs ?? fullJitter(attempt, environment.random, bounds))
      renewed = after.renewed
      if (waitMs > 0) attempt += 1
      tell({ phase: 'offline', reason: after.reason, waitMs })
      if (waitMs > 0) await this.pause(waitMs)
    }
  }

  /** Try now rather than later. */
  wake(): void {
    for (const up of [...this.sleepers]) up()
  }

  stop(): void {
    this.stopped = true
    this.wake()
  }

  /** Wait so many milliseconds, or until it is worth trying at once. False: it is over. */
  async pause(ms: number): Promise<boolean> {
    if (this.stopped) return false
    await new Promise<void>((resolve) => {
      const up = (): void => {
        clearTimeout(timer)
        this.sleepers.delete(up)
        resolve()
      }
      const timer = setTimeout(up, ms)
      this.sleepers.add(up)
    })
    return !this.stopped
  }

  private async once(): Promise<{ reason: string; final: boolean; renewed: boolean; awayMs: number | null }> {
    const { credentials, connect } = this.parts
    const lasting = { final: false, renewed: false, awayMs: null }
    try {
      const { code, reason, awayMs, mended } = await connect(await credentials.token())
      const final = FINAL[code ?? 0]
      if (final !== undefined) return { ...lasting, reason: final, final: true }
      if (code === NOT_AUTHENTICATED && !mended) {
        if (!(await credentials.renew())) return { ...lasting, reason: 'unauthenticated', final: true }
        return { ...lasting, reason: 'unauthenticated', renewed: true }
      }
      return { ...lasting, reason: reason === 'closed' ? (NAMES[code ?? 0] ?? 'network') : reason, awayMs }
    } catch (fault) {
      // From whoever fetches our tokens.
      const refused = fault instanceof ApiError && (fault.status === 401 || fault.status === 403)
      return { ...lasting, reason: refused ? 'unauthenticated' : 'network', final: refused }
    }
  }
}
