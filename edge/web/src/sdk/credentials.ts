/**
 * By what the server knows us: a cookie that no script can read, or a token that the host application hands in.
 *
 * Whoever finds that it is no longer believed asks for another one; of several who ask at once one asks the server.
 */
import { ApiError } from './faults'

export interface Credentials {
  /** For `Authorization` and `hello`; null: the cookie speaks for us. */
  token(): Promise<string | null>
  /** Get another one. False: there is none, the session has ended. Raises Unreachable where nobody can tell now. */
  renew(): Promise<boolean>
}

/** Asks the host application; it is told whether the last one was refused, and rejects if there is none. */
export type TokenSource = (refused: boolean) => Promise<string>

export class HostToken implements Credentials {
  private readonly source: TokenSource
  private asked: Promise<string> | null = null
  private renewing: Promise<boolean> | null = null

  constructor(source: TokenSource) {
    this.source = source
  }

  token(): Promise<string> {
    this.asked ??= this.ask(false)
    return this.asked
  }

  renew(): Promise<boolean> {
    this.renewing ??= this.again().finally(() => {
      this.renewing = null
    })
    return this.renewing
  }

  private async again(): Promise<boolean> {
    const last = await this.asked?.catch(() => null)
    this.asked = this.ask(true)
    const fresh = await this.asked.catch((fault: unknown) => {
      if (fault instanceof ApiError && fault.status === 401) return null
      throw fault
    })
    return fresh !== null && fresh !== last
  }

  private ask(refused: boolean): Promise<string> {
    const asked = this.source(refused)
    // A failure is no answer to keep.
    asked.catch(() => {
      if (this.asked === asked) this.asked = null
    })
    return asked
  }
}

export class SessionCookie implements Credentials {
  private readonly refresh: () => Promise<unknown>
  private renewing: Promise<boolean> | null = null

  /** `refresh` posts `auth/refresh`; the cookies come and go by themselves. */
  constructor(refresh: () => Promise<unknown>) {
    this.refresh = refresh
  }

  token(): Promise<null> {
    return Promise.resolve(null)
  }

  renew(): Promise<boolean> {
    this.renewing ??= this.again().finally(() => {
      this.renewing = null
    })
    return this.renewing
  }

  private async again(): Promise<boolean> {
    try {
      await this.refresh()
      return true
    } catch (fault) {
      if (fault instanceof ApiError && fault.status >= 400 && fault.status < 429) return false
      throw fault
    }
  }
}
