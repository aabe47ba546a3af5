/** One WebSocket: writes what its session has due, hands on what the server's frames mean. Thin. */
import type { Codec } from './codec'
import type { Environment } from './environment'
import type { ClientFrame, HelloFrame } from './frames'
import type { Outbox } from './outbox'
import type { Effect, Session } from './session'

/** After `bye`, how long answers that are on their way are waited for. */
export const DRAIN_MS = 2_000

/** How a connection ended: by the server's close code, or by what we found. */
export interface End {
  readonly code: number | null
  readonly reason: 'closed' | 'silence' | 'draining' | 'left' | 'bad_frame'
}

export interface LineParts {
  readonly environment: Pick<Environment, 'WebSocket' | 'monotonic'>
  /** The server, as http(s)://host:port. */
  readonly url: string
  readonly codec: Codec
  readonly session: Session
  readonly outbox: Outbox
  readonly hello: HelloFrame
  /** Called for each frame with what it means. */
  readonly act: (effects: readonly Effect[]) => void
}

export class Line {
  /** Resolves once, when either side has hung up. */
  readonly ended: Promise<End>
  private readonly parts: LineParts
  private readonly socket: WebSocket
  private resolve: (end: End) => void = () => undefined
  private timer: ReturnType<typeof setTimeout> | undefined
  private planned = false
  private drainedAt = Infinity
  private over = false

  constructor(parts: LineParts) {
    this.parts = parts
    this.ended = new Promise((resolve) => {
      this.resolve = resolve
    })
    const { environment, url, codec, hello } = parts
    this.socket = new environment.WebSocket(`${url.replace(/^http/, 'ws')}/ws`, codec.subprotocol)
    this.socket.binaryType = 'arraybuffer'
    this.socket.onopen = () => this.write(hello)
    this.socket.onmessage = ({ data }) => this.hear(data)
    this.socket.onerror = () => undefined // it closes, too, and that is what counts
    this.socket.onclose = ({ code }) => this.end({ code, reason: 'closed' })
    this.schedule()
  }

  /** The session may have something to write. */
  poke(): void {
    if (this.planned || this.over) return
    this.planned = true
    queueMicrotask(() => {
      this.planned = false
      if (!this.over) this.work()
    })
  }

  /** Hang up. */
  close(): void {
    this.end({ code: null, reason: 'left' })
  }

  private hear(data: unknown): void {
    let effects: readonly Effect[]
    try {
      effects = this.parts.session.receive(this.parts.codec.decode(data), this.parts.environment.monotonic())
    } catch {
      // Nothing that follows a frame which nobody can read can be trusted.
      this.end({ code: null, reason: 'bad_frame' })
      return
    }
    this.parts.act(effects)
    this.poke()
  }

  private work(): void {
    const { session, outbox, environment } = this.parts
    const now = environment.monotonic()
    for (const frame of session.due(now)) this.write(frame)
    if (session.phase === 'dead') {
      this.end({ code: null, reason: 'silence' })
    } else if (session.phase === 'draining') {
      this.drainedAt = Math.min(this.drainedAt, now + DRAIN_MS)
      if (outbox.flying === 0 || now >= this.drainedAt) this.end({ code: null, reason: 'draining' })
    }
    if (!this.over) this.schedule()
  }

  private schedule(): void {
    const now = this.parts.environment.monotonic()
    const at = Math.min(this.parts.session.wake(now), this.drainedAt)
    clearTimeout(this.timer)
    this.timer = setTimeout(() => this.work(), Math.max(0, at - now))
  }

  private write(frame: ClientFrame): void {
    // One that closes swallows what is written; the outbox sends it again.
    this.socket.send(this.parts.codec.encode(frame))
  }

  /** A dead network takes a minute to say that it closed: nobody waits for it. */
  private end(end: End): void {
    if (this.over) return
    this.over = true
    clearTimeout(this.timer)
    this.socket.onopen = this.socket.onmessage = this.socket.onclose = null
    this.socket.close()
    this.resolve(end)
  }
}
