/** The requests of tus 1.0 (https://tus.io/protocols/resumable-upload) to our server. Raises ApiError and Unreachable. */
import type { Api } from './api'
import type { Environment } from './environment'
import { ApiError, Unreachable } from './faults'
import type { FileId } from './types'

const VERSION = { 'Tus-Resumable': '1.0.0' }
/** A part of which nothing moves for so long has lost its connection. */
export const STALL_MS = 30_000
/** Without a word in between a whole part has to be through by then. */
const PART_MS = 180_000

export interface Asked {
  readonly signal: AbortSignal
  /** Bytes of the body that are on their way. */
  readonly progress?: (sent: number) => void
}

interface Answer {
  readonly status: number
  readonly header: (name: string) => string | null
  readonly text: string
}

type Headers = Readonly<Record<string, string>>

export class Tus {
  private readonly api: Api
  private readonly environment: Pick<Environment, 'fetch' | 'XMLHttpRequest'>

  constructor(api: Api, environment: Pick<Environment, 'fetch' | 'XMLHttpRequest'>) {
    this.api = api
    this.environment = environment
  }

  /** Begin: the server gives the file its id. */
  async create(name: string, size: number, asked: Asked): Promise<{ file: FileId; offset: number }> {
    const headers = { 'Upload-Length': String(size), 'Upload-Metadata': `filename ${base64(name)}` }
    const answer = await this.call('POST', '', headers, null, asked)
    // Only its last part: whatever a proxy makes of the rest, the file is where we asked for it.
    const file = /([^/?#]+)\/?(?:[?#].*)?$/.exec(answer.header('Location') ?? '')?.[1]
    if (file === undefined) throw new Unreachable('No Location.')
    return { file, offset: Number(answer.header('Upload-Offset') ?? 0) }
  }

  /** How much of it the server has. */
  async offset(file: FileId, asked: Asked): Promise<number> {
    return offsetOf(await this.call('HEAD', `/${file}`, {}, null, asked))
  }

  /** Send a part; returns how much the server has then. */
  async append(file: FileId, from: number, part: Blob, asked: Asked): Promise<number> {
    const headers = { 'Upload-Offset': String(from), 'Content-Type': 'application/offset+octet-stream' }
    return offsetOf(await this.call('PATCH', `/${file}`, headers, part, asked))
  }

  /** Have it forgotten. */
  async end(file: FileId, asked: Asked): Promise<void> {
    await this.call('DELETE', `/${file}`, {}, null, asked)
  }

  /** One request; a refused credential is renewed once. */
  private async call(method: string, path: string, headers: Headers, body: Blob | null, asked: Asked): Promise<Answer> {
    const { credentials } = this.api
    const once = async (): Promise<Answer> => {
      const token = await credentials?.token()
      const all = { ...VERSION, ...headers, ...(typeof token === 'string' ? { Authorization: `Bearer ${token}` } : {}) }
      const address = `${this.api.url}/api/v1/files${path}`
      const { XMLHttpRequest } = this.environment
      return body !== null && XMLHttpRequest !== undefined
        ? sendWatched(new XMLHttpRequest(), method, address, all, body, asked)
        : this.fetched(method, address, all, body, asked)
    }
    let answer = await once()
    if (answer.status === 401 && credentials !== null && (await credentials.renew())) answer = await once()
    if (answer.status >= 400) throw new ApiError(answer.status, problemOf(answer))
    return answer
  }

  private async fetched(method: string, address: string, headers: Headers, body: Blob | null, { signal }: Asked): Promise<Answer> {
    try {
      const answer = await this.environment.fetch(address, {
        method,
        headers,
        credentials: 'same-origin',
        cache: 'no-store',
        signal: AbortSignal.any([signal, AbortSignal.timeout(body === null ? STALL_MS : PART_MS)]),
        ...(body === null ? {} : { body }),
      })
      return { status: answer.status, header: (name) => answer.headers.get(name), text: await answer.text() }
    } catch (fault) {
      throw new Unreachable(String(fault))
    }
  }
}

/** By XMLHttpRequest: `fetch` does not tell how much of a body has left. */
function sendWatched(request: XMLHttpRequest, method: string, address: string, headers: Headers, body: Blob, { signal, progress }: Asked): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let stalled: ReturnType<typeof setTimeout> | undefined
    const stop = (): void => request.abort()
    const moved = (): void => {
      clearTimeout(stalled)
      stalled = setTimeout(stop, STALL_MS)
    }
    const over = (): void => {
      clearTimeout(stalled)
      signal.removeEventListener('abort', stop)
    }
    request.open(method, address)
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)
    request.upload.onprogress = ({ loaded }) => {
      moved()
      progress?.(loaded)
    }
    request.onload = () => {
      over()
      resolve({ status: request.status, header: (name) => request.getResponseHeader(name), text: request.responseText })
    }
    request.onerror = request.onabort = () => {
      over()
      reject(new Unreachable('The part did not get through.'))
    }
    signal.addEventListener('abort', stop)
    moved()
    request.send(body)
    if (signal.aborted) stop()
  })
}

function offsetOf(answer: Answer): number {
  const offset = Number(answer.header('Upload-Offset') ?? NaN)
  if (!Number.isSafeInteger(offset) || offset < 0) throw new Unreachable('No Upload-Offset.')
  return offset
}

function problemOf({ text, header }: Answer): Record<string, unknown> {
  const after = Number(header('Retry-After') ?? NaN)
  const told = Number.isFinite(after) ? { retry_after: after } : {}
  try {
    const problem: unknown = JSON.parse(text)
    return typeof problem === 'object' && problem !== null ? { ...told, ...problem } : told
  } catch {
    return told // HEAD has no body; a proxy says what it likes
  }
}

/** As tus wants what is not ASCII. */
function base64(text: string): string {
  return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(''))
}
