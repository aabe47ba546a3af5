/** What can go wrong with a request, as types. */

/** The server refused a request: `code` as docs/protocol.md lists them, `status` as HTTP does. */
export class ApiError extends Error {
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly field: string | null
  /** Seconds. */
  readonly retryAfter: number | null

  constructor(status: number, problem: Readonly<Record<string, unknown>>) {
    const code = typeof problem['code'] === 'string' ? problem['code'] : 'unavailable'
    const detail = [problem['detail'], problem['title']].find((text) => typeof text === 'string') ?? ''
    super(`${status} ${code}: ${String(detail)}`)
    this.status = status
    this.code = code
    this.detail = String(detail)
    this.field = typeof problem['field'] === 'string' ? problem['field'] : null
    this.retryAfter = typeof problem['retry_after'] === 'number' ? problem['retry_after'] : null
  }
}

/** No server answered: nobody knows whether a write was done; the same `key` makes it safe to repeat. */
export class Unreachable extends Error {}
