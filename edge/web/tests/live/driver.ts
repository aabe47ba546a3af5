/**
 * Tabs of browsers in one Node process, driven line by line over stdin: so that a test in Python, which starts and
 * kills the real servers, can let real SDKs talk through them.
 *
 * A line in is {id, tab, op, …}, a line out {id, result} or {id, error}. Tabs of one `browser` share its storage and
 * its locks.
 */
import { createInterface } from 'node:readline'
import 'fake-indexeddb/auto' // the classes that idb asks for; each browser has a factory of its own
import { IDBFactory } from 'fake-indexeddb'
import { WebSocket } from 'ws'
import { type OpenConversation, Parley } from '../../src/sdk'
import { TIMING } from '../../src/sdk/session'
import { FakeLocks } from '../fakes/locks'

interface Order {
  readonly id: number
  readonly tab: string
  readonly op: string
  readonly [more: string]: unknown
}

class Browser {
  readonly indexedDB = new IDBFactory()
  readonly locks = new FakeLocks()
}

class Tab {
  readonly notices: { conversation: string; body: string | null; live: boolean; primary: boolean }[] = []
  private readonly parley: Parley
  private readonly lock: ReturnType<FakeLocks['tab']>
  private readonly open = new Map<string, OpenConversation>()
  private dead = false

  constructor(browser: Browser, name: string, { url, token, encoding }: { url: string; token: string; encoding: 'msgpack' | 'json' }) {
    this.lock = browser.locks.tab()
    const sockets = new Set<WebSocket>()
    class Socket extends WebSocket {
      constructor(address: string, protocols: string) {
        super(address, protocols)
        sockets.add(this)
      }
    }
    this.parley = new Parley({
      url,
      token: () => Promise.resolve(token),
      encoding,
      client: `driver/${name}`,
      bounds: { first: 50, most: 500 },
      timing: { ...TIMING, pong: 1_000, ready: 2_000 },
      environment: {
        WebSocket: Socket as unknown as typeof globalThis.WebSocket,
        indexedDB: browser.indexedDB,
        locks: this.lock,
        // A dead tab hears and says nothing any more.
        fetch: (...given) => (this.dead ? new Promise(() => undefined) : fetch(...given)),
      },
    })
    this.parley.on('notice', ({ conversation, message, live, primary }) => {
      this.notices.push({ conversation, body: message.body, live, primary })
    })
    this.die = () => {
      this.dead = true
      for (const socket of sockets) socket.terminate()
      this.lock.die()
      this.parley.close()
    }
  }

  /** As if the process were killed: nothing is said, nothing is flushed that was not stored. */
  readonly die: () => void

  private held(conversation: string): OpenConversation {
    const found = this.open.get(conversation) ?? this.parley.open(conversation)
    this.open.set(conversation, found)
    return found
  }

  async do(order: Order): Promise<unknown> {
    const { op } = order
    const conversation = order['conversation'] as string
    const seq = order['seq'] as number
    const body = order['body'] as string
    switch (op) {
      case 'start':
        return this.parley.start()
      case 'close':
        return this.parley.close()
      case 'state': {
        const { session, connection, unsent, storage, conversations } = this.parley
        return {
          session: session.value.phase,
          connection: connection.value.phase,
          reason: connection.value.reason,
          stale: [...connection.value.stale],
          unsent: unsent.value,
          storage: storage.value,
          conversations: conversations.value,
          typing: Object.fromEntries(this.parley.typing.value),
          presence: Object.fromEntries(this.parley.presence.value),
          notices: this.notices,
        }
      }
      case 'open':
        return this.held(conversation).ready
      case 'timeline': {
        const timeline = this.held(conversation).timeline.value
        return { ...timeline, marks: Object.fromEntries(timeline.marks) }
      }
      case 'send':
        return this.held(conversation).send(body)
      case 'edit':
        return this.held(conversation).edit(seq, body)
      case 'delete':
        return this.held(conversation).delete(seq)
      case 'react':
        return this.held(conversation).react(seq, order['emoji'] as string, order['on'] as boolean)
      case 'read':
        return this.held(conversation).markRead()
      case 'typing':
        return this.held(conversation).typing(true)
      case 'older':
        return this.held(conversation).loadOlder(order['limit'] as number)
      case 'retry':
        return this.held(conversation).retry(order['command'] as string)
      case 'create':
        return this.parley.create({ subject: order['subject'] as string, members: order['members'] as string[] })
      case 'wake':
        return this.parley.retryNow()
      default:
        throw new Error(`no such op: ${op}`)
    }
  }
}

const browsers = new Map<string, Browser>()
const tabs = new Map<string, Tab>()

async function obey(order: Order): Promise<unknown> {
  if (order.op === 'tab') {
    const name = order['browser'] as string
    const browser = browsers.get(name) ?? new Browser()
    browsers.set(name, browser)
    tabs.set(order.tab, new Tab(browser, order.tab, order as never))
    return null
  }
  const tab = tabs.get(order.tab)
  if (tab === undefined) throw new Error(`no such tab: ${order.tab}`)
  if (order.op !== 'kill') return tab.do(order)
  tab.die()
  tabs.delete(order.tab)
  return null
}

for await (const line of createInterface({ input: process.stdin })) {
  const order = JSON.parse(line) as Order
  void obey(order)
    .then((result) => ({ id: order.id, result: result ?? null }))
    .catch((fault: unknown) => ({ id: order.id, error: String(fault) }))
    .then((answer) => process.stdout.write(`${JSON.stringify(answer)}\n`))
}
process.exit(0)
