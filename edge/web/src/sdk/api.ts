/** The HTTP API, as a client sees it. Whatever is refused raises `ApiError`; no answer, `Unreachable`. */
import type { Credentials } from './credentials'
import { ApiError, Unreachable } from './faults'
import type { LogEvent, MessageEvent } from './frames'
import type { AccountId, ConversationId, Id, Person, Project, ProjectId, Role, Status } from './types'

const ANSWER_MS = 30_000

export interface MemberAnswer {
  readonly account: AccountId
  readonly name: string
  readonly role: Role
  /** Null among more than 32 members. */
  readonly read: number | null
  readonly delivered: number | null
}

export interface ConversationAnswer {
  readonly id: ConversationId
  readonly subject: string
  readonly project: ProjectId | null
  readonly status: Status
  readonly head: number
  readonly read: number
  readonly unread: number
  readonly members: readonly MemberAnswer[]
  readonly created_at: string
}

export interface ListedAnswer extends Omit<ConversationAnswer, 'members' | 'created_at'> {
  /** Null where they are more than 32. */
  readonly members: readonly AccountId[] | null
  readonly last_message: MessageEvent | null
}

export interface EventsAnswer {
  readonly epoch: string
  readonly items: readonly LogEvent[]
  readonly head: number
  readonly next: number | null
}

export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

export type Query = Readonly<Record<string, string | number | boolean | null | undefined>>

export interface ApiOptions {
  /** The server, as http(s)://host:port. */
  readonly url: string
  readonly fetch: typeof globalThis.fetch
}

export class Api {
  readonly url: string
  /** Left out for requests that need none. */
  credentials: Credentials | null = null
  private readonly fetch: typeof globalThis.fetch

  constructor({ url, fetch }: ApiOptions) {
    this.url = url.replace(/\/+$/, '')
    this.fetch = fetch
  }

  get<T>(path: string, query: Query = {}): Promise<T> {
    return this.call<T>('GET', path, { query })
  }

  /** A write takes a `key`: the same key is the same write, for ever. Without one a retry is another write. */
  post<T>(path: string, body: unknown, key?: Id): Promise<T> {
    return this.call<T>('POST', path, { body, key })
  }

  put<T = void>(path: string, body?: unknown, key?: Id): Promise<T> {
    return this.call<T>('PUT', path, { body, key })
  }

  patch<T>(path: string, body: unknown, key?: Id): Promise<T> {
    return this.call<T>('PATCH', path, { body, key })
  }

  delete<T = void>(path: string, key?: Id): Promise<T> {
    return this.call<T>('DELETE', path, { key })
  }

  conversation(id: ConversationId): Promise<ConversationAnswer> {
    return this.get(`conversations/${id}`)
  }

  conversations(limit: number, after: string | null): Promise<Page<ListedAnswer>> {
    return this.get('conversations', { limit, after })
  }

  events(id: ConversationId, part: { before?: number; after?: number; limit: number }): Promise<EventsAnswer> {
    return this.get(`conversations/${id}/events`, part)
  }

  account(id: AccountId): Promise<Person> {
    return this.get(`accounts/${id}`)
  }

  project(id: ProjectId): Promise<Project> {
    return this.get(`projects/${id}`)
  }

  me(): Promise<Person> {
    return this.get('me')
  }

  /** One request below /api/v1; a refused credential is renewed once. */
  async call<T>(method: string, path: string, given: { body?: unknown; query?: Query; key?: Id | undefined } = {}): Promise<T> {
    const { credentials } = this
    try {
      return await this.once<T>(method, path, given, credentials)
    } catch (fault) {
      if (!(fault instanceof ApiError) || fault.status !== 401 || credentials === null) throw fault
      if (!(await credentials.renew())) throw fault
      return this.once<T>(method, path, given, credentials)
    }
  }

  /** One request without a second try: what signs in, renews and signs out. */
  async once<T>(
    method: string,
    path: string,
    { body, query = {}, key }: { body?: unknown; query?: Query; key?: Id | undefined },
    credentials: Credentials | null,
  ): Promise<T> {
    const headers: Record<string, string> = {}
    const token = await credentials?.token()
    if (typeof token === 'string') headers['Authorization'] = `Bearer ${token}`
    if (body !== undefined) headers['Content-Type'] = 'application/json'
    if (key !== undefined) headers['Idempotency-Key'] = key
    const address = new URL(`${this.url}/api/v1/${path}`)
    for (const [name, value] of Object.entries(query)) {
      if (value !== null && value !== undefined) address.searchParams.set(name, String(value))
    }
    let status: number
    let text: string
    try {
      const answer = await this.fetch(address, {
        method,
        headers,
        credentials: 'same-origin',
        cache: 'no-store',
        signal: AbortSignal.timeout(ANSWER_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      status = answer.status
      text = await answer.text()
    } catch (fault) {
      throw new Unreachable(String(fault))
    }
    const content = parsed(text)
    if (status >= 400) throw new ApiError(status, isMap(content) ? content : { title: text.slice(0, 200) })
    return content as T
  }
}

function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : (JSON.parse(text) as unknown)
  } catch {
    return undefined
  }
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
