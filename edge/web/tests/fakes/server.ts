/**
 * A server of docs/protocol.md in memory, for what real processes do not do on order: lose an ack, refuse, change the
 * epoch. What it says is what a real one would; tests/web lets the SDK talk to those.
 */
import type { ClientFrame, LogEvent, ServerFrame } from '../../src/sdk/frames'
import type { Person, Project } from '../../src/sdk/types'
import { FakeFiles } from './files'

interface Talk {
  id: string
  subject: string
  project: string | null
  status: 'open' | 'closed' | 'archived'
  members: string[]
  log: LogEvent[]
  marks: Map<string, { read: number; delivered: number }>
}

type Draft<E> = E extends LogEvent ? Omit<E, 'type' | 'conversation' | 'seq' | 'at'> : never

export class FakeServer {
  readonly people = new Map<string, Person>()
  readonly projects = new Map<string, Project>()
  readonly talks = new Map<string, Talk>()
  readonly sockets = new Set<FakeSocket>()
  /** All that clients said, on sockets and over HTTP. */
  readonly heard: ClientFrame[] = []
  readonly requests: string[] = []
  /** By command, the event that it became. */
  readonly stored = new Map<string, LogEvent>()
  readonly files = new FakeFiles()
  epoch = 'e1'
  /** Nobody answers. */
  down = false
  /** Whose the browser's cookie is. */
  cookie: string | null = null
  /** Answers to HTTP, by "METHOD path": a problem instead of what it asks for. */
  readonly problems = new Map<string, { status: number; code: string }>()
  swallowAcks = 0
  readonly refusals: { code: string; message?: string; field?: string; retry_after?: number }[] = []
  /** Seqs that are not told live. */
  readonly omitted = new Set<number>()
  closeHelloWith: number | null = null
  mute = false

  person(id: string, role: Person['role'] = 'client'): Person {
    const person = { id, name: id.toUpperCase(), role, email: null }
    this.people.set(id, person)
    return person
  }

  talk(id: string, ...members: string[]): Talk {
    const talk: Talk = { id, subject: `About ${id}`, project: null, status: 'open', members, log: [], marks: new Map() }
    this.talks.set(id, talk)
    this.append(id, members[0]!, { kind: 'created', actor: members[0]!, subject: talk.subject, project: null, members })
    return talk
  }

  say(id: string, actor: string, body: string, more: object = {}): LogEvent {
    return this.append(id, actor, { kind: 'message', actor, id: `m-${id}-${this.talks.get(id)!.log.length}`, body, ...more })
  }

  append(id: string, actor: string, draft: Draft<LogEvent>): LogEvent {
    const talk = this.talks.get(id)!
    const seq = talk.log.length + 1
    const at = `2026-11-23T09:${String(Math.floor(seq / 60)).padStart(2, '0')}:${String(seq % 60).padStart(2, '0')}.000Z`
    const event = { ...draft, type: 'event', conversation: id, seq, at, actor } as LogEvent
    talk.log.push(event)
    if (!this.omitted.has(seq)) this.tell(id, event)
    return event
  }

  /** To all sockets of the conversation's members. */
  tell(id: string, frame: ServerFrame): void {
    for (const socket of this.sockets) {
      if (socket.account !== null && this.talks.get(id)!.members.includes(socket.account)) socket.hear(frame)
    }
  }

  everybody(frame: ServerFrame): void {
    for (const socket of this.sockets) socket.hear(frame)
  }

  cut(code = 1006): void {
    for (const socket of [...this.sockets]) socket.cut(code)
  }

  said(type: ClientFrame['type']): ClientFrame[] {
    return this.heard.filter((frame) => frame.type === type)
  }

  /** A browser's WebSocket; `alive` says whether its tab still is. */
  socketClass(alive: () => boolean = () => true): typeof WebSocket {
    // eslint-disable-next-line @typescript-eslint/no-this-alias -- the class below has a `this` of its own
    const server = this
    return class extends FakeSocket {
      constructor() {
        super(server, alive)
      }
    } as unknown as typeof WebSocket
  }

  readonly fetch = async (input: unknown, init: RequestInit = {}): Promise<Response> => {
    await Promise.resolve()
    if (this.down) throw new TypeError('fetch failed')
    const url = new URL(input instanceof URL ? input : String(input))
    const path = decodeURIComponent(url.pathname.replace('/api/v1/', ''))
    const method = init.method ?? 'GET'
    this.requests.push(`${method} ${path}`)
    const problem = this.problems.get(`${method} ${path}`)
    if (problem !== undefined) return json(problem.status, problem)
    if (path.split('/')[0] === 'files') return this.files.answer(method, path.split('/')[1], init)
    const body = init.body === undefined ? {} : (JSON.parse(init.body as string) as Record<string, unknown>)
    const token = (init.headers as Record<string, string> | undefined)?.['Authorization']?.slice('Bearer '.length)
    return this.answer(method, path, url.searchParams, body, token ?? this.cookie)
  }

  private answer(method: string, path: string, query: URLSearchParams, body: Record<string, unknown>, me: string | null): Response {
    if (path === 'auth/login') {
      const person = this.people.get(String(body['email']))
      if (person === undefined || body['password'] !== 'right') return json(401, { code: 'unauthenticated' })
      this.cookie = person.id
      return json(200, { expires_in: 900, account: person })
    }
    if (me === null || !this.people.has(me)) return json(401, { code: 'unauthenticated' })
    const [kind, id = '', part, what] = path.split('/')
    if (path === 'auth/refresh') return json(200, { expires_in: 900, account: this.people.get(me) })
    if (path === 'auth/logout') {
      this.cookie = null
      return new Response(null, { status: 204 })
    }
    if (path === 'me') return json(200, this.people.get(me))
    if (kind === 'accounts') return id === '' ? json(200, { items: [...this.people.values()] }) : this.one(this.people.get(id))
    if (kind === 'projects' && part === 'members') return json(200, { items: [...this.people.values()] })
    if (kind === 'projects') return id === '' ? json(200, { items: [...this.projects.values()] }) : this.one(this.projects.get(id))
    if (path === 'conversations' && method === 'POST') {
      this.talk('made', me, ...(body['members'] as string[]))
      return json(201, this.details('made', me))
    }
    if (path === 'conversations') return this.list(me, query)
    const talk = this.talks.get(id)
    if (talk === undefined || !talk.members.includes(me)) return json(404, { code: 'not_found' })
    if (part === 'events') return this.page(talk, query)
    if (part === 'messages' && what !== undefined) return json(200, { items: [{ body: 'first', at: 't', actor: me }] })
    if (method === 'GET') return json(200, this.details(id, me))
    return new Response(null, { status: 204 })
  }

  private one(found: object | undefined): Response {
    return found === undefined ? json(404, { code: 'not_found' }) : json(200, found)
  }

  private details(id: string, me: string): object {
    const talk = this.talks.get(id)!
    const members = talk.members.map((account) => {
      const { name, role } = this.people.get(account) ?? this.person(account)
      return { account, name, role, ...(talk.marks.get(account) ?? { read: 0, delivered: 0 }) }
    })
    return { ...this.standing(talk, me), members, created_at: '2026-11-23T08:00:00.000Z' }
  }

  private list(me: string, query: URLSearchParams): Response {
    const all = [...this.talks.values()].filter((talk) => talk.members.includes(me))
    const from = Number(query.get('after') ?? 0)
    const items = all.slice(from, from + 2).map((talk) => ({
      ...this.standing(talk, me),
      members: talk.members.length > 32 ? null : talk.members,
      last_message: talk.log.filter((event) => event.kind === 'message').at(-1) ?? null,
    }))
    return json(200, { items, next: from + 2 < all.length ? String(from + 2) : null })
  }

  standing(talk: Talk, me: string): { id: string; head: number; read: number; unread: number } {
    const read = talk.marks.get(me)?.read ?? 0
    const unread = talk.log.filter((event) => event.kind === 'message' && event.seq > read && event.actor !== me).length
    const { id, subject, project, status, log } = talk
    return { id, subject, project, status, head: log.length, read, unread } as never
  }

  private page({ log }: Talk, query: URLSearchParams): Response {
    const limit = Number(query.get('limit'))
    const before = query.get('before')
    const items = before === null
      ? log.slice(Number(query.get('after')), Number(query.get('after')) + limit)
      : log.slice(Math.max(0, Number(before) - 1 - limit), Number(before) - 1)
    const next = before !== null && (items[0]?.seq ?? 1) > 1 ? items[0]!.seq : null
    return json(200, { epoch: this.epoch, items, head: log.length, next })
  }
}

export class FakeSocket {
  account: string | null = null
  binaryType = ''
  onopen: (() => void) | null = null
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  onerror: (() => void) | null = null
  private open = false
  private readonly server: FakeServer
  private readonly alive: () => boolean

  constructor(server: FakeServer, alive: () => boolean) {
    this.server = server
    this.alive = alive
    setTimeout(() => {
      if (server.down) this.onclose?.({ code: 1006 })
      else {
        this.open = true
        server.sockets.add(this)
        this.onopen?.()
      }
    })
  }

  send(data: string): void {
    if (!this.open || !this.alive()) return
    const frame = JSON.parse(data) as ClientFrame
    this.server.heard.push(frame)
    if (!this.server.mute) this.obey(frame)
  }

  close(): void {
    this.open = false
    this.server.sockets.delete(this)
  }

  hear(frame: ServerFrame | string): void {
    const data = typeof frame === 'string' ? frame : JSON.stringify(frame)
    setTimeout(() => {
      if (this.open && this.alive()) this.onmessage?.({ data })
    })
  }

  cut(code: number): void {
    this.close()
    if (this.alive()) this.onclose?.({ code })
  }

  private obey(frame: ClientFrame): void {
    const { server } = this
    switch (frame.type) {
      case 'hello':
        return this.greet(frame)
      case 'send':
      case 'edit':
      case 'delete':
      case 'react':
        return this.command(frame)
      case 'sync':
        return this.replay(frame.conversation, frame.after)
      case 'ping':
        for (const [id, seq] of Object.entries(frame.heads)) {
          if ((server.talks.get(id)?.log.length ?? 0) > seq) this.replay(id, seq)
        }
        return this.hear({ type: 'pong', time: 't' })
      case 'read':
      case 'delivered': {
        const { marks } = server.talks.get(frame.conversation)!
        const known = marks.get(this.account!) ?? { read: 0, delivered: 0 }
        const delivered = Math.max(known.delivered, frame.seq)
        const read = frame.type === 'read' ? Math.max(known.read, frame.seq) : known.read
        marks.set(this.account!, { read, delivered })
        server.tell(frame.conversation, { type: 'receipt', conversation: frame.conversation, account: this.account!, read, delivered })
      }
    }
  }

  private greet(frame: Extract<ClientFrame, { type: 'hello' }>): void {
    const { server } = this
    this.account = frame.token ?? server.cookie
    if (server.closeHelloWith !== null) return this.cut(server.closeHelloWith)
    if (this.account === null) return this.cut(4401)
    const { name, role } = server.people.get(this.account)!
    const mine = [...server.talks.values()].filter((talk) => talk.members.includes(this.account!))
    this.hear({
      type: 'ready', session: 's', account: { id: this.account, name, role }, epoch: server.epoch, time: 't', heartbeat: 25,
      conversations: mine.map((talk) => server.standing(talk, this.account!)),
    })
    if (Object.keys(frame.cursors).length > 0 && frame.epoch !== server.epoch) {
      return this.hear({ type: 'resync', reason: 'epoch', epoch: server.epoch })
    }
    for (const [id, cursor] of Object.entries(frame.cursors)) {
      if (mine.some((talk) => talk.id === id)) this.replay(id, cursor)
      else this.hear({ type: 'resync', reason: 'not_member', conversation: id })
    }
  }

  private replay(id: string, after: number): void {
    const { log } = this.server.talks.get(id)!
    for (const event of log.slice(after)) this.hear(event)
    this.hear({ type: 'caught_up', conversation: id, seq: log.length, head: log.length })
  }

  private command(frame: Extract<ClientFrame, { type: 'send' | 'edit' | 'delete' | 'react' }>): void {
    const { server } = this
    const refusal = server.refusals.shift()
    if (refusal !== undefined) return this.hear({ type: 'error', id: frame.id, ...refusal })
    const actor = this.account!
    const event =
      server.stored.get(frame.id) ??
      server.append(frame.conversation, actor, {
        send: { ...frame, kind: 'message', actor, body: 'body' in frame ? frame.body : '', ...(frame.type === 'send' && frame.attachments ? { attachments: server.files.told(frame.attachments) } : {}) },
        edit: { kind: 'edited', actor, target: 'seq' in frame ? frame.seq : 0, body: 'body' in frame ? frame.body : '' },
        delete: { kind: 'deleted', actor, target: 'seq' in frame ? frame.seq : 0 },
        react: { kind: 'reaction', actor, target: 'seq' in frame ? frame.seq : 0, emoji: '+', on: true },
      }[frame.type] as Draft<LogEvent>)
    server.stored.set(frame.id, event)
    if (server.swallowAcks > 0) server.swallowAcks -= 1
    else this.hear({ type: 'ack', id: frame.id, conversation: frame.conversation, seq: event.seq, at: event.at })
  }
}

function json(status: number, body: unknown): Response {
  return new Response(JSON.stringify(body), { status })
}
