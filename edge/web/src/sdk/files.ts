/** Files that the server has: where their bytes are, what is known of them, and what admins may do with held ones. */
import type { Api, Page } from './api'
import { attachmentOf } from './attachments'
import type { Environment } from './environment'
import { ApiError, Unreachable } from './faults'
import type { AttachmentFrame } from './frames'
import { newId } from './ids'
import type { AccountId, Attachment, ConversationId, FileId, FileState } from './types'

export type Variant = 'original' | 'shown' | 'large' | 'small'
export type Kind = 'image' | 'document' | 'text'

/** An address that is about to expire is not handed out any more, ms. */
const MARGIN = 30_000
/** An address is used for so long at least, ms. */
const LEAST = 60_000
/** What is known of who checks files is asked for anew after so long, ms. */
const SCANNER_MS = 300_000

/** What is known of a file beside what its message tells. */
export interface FileFacts extends Attachment {
  readonly uploadedBy: AccountId
  readonly createdAt: string
  readonly sha256: string | null
  /** Which engine has checked it. */
  readonly engine: string | null
}

/** A file of a conversation, and the message that holds it. */
export interface FoundFile {
  readonly file: Attachment
  readonly seq: number
  readonly at: string
  readonly actor: AccountId
}

export interface Scanner {
  readonly engine: string
  readonly version: string | null
  readonly signatures: string | null
  readonly ready: boolean
}

export type HeldState = 'infected' | 'rejected' | 'scanning'

/** A file that is not given out, as admins see it. */
export interface HeldFile {
  readonly id: FileId
  readonly name: string
  readonly type: string
  readonly size: number
  readonly sha256: string | null
  readonly state: FileState
  readonly reason: string | null
  readonly signature: string | null
  readonly engine: string | null
  readonly uploaded_by: { readonly id: AccountId; readonly name: string }
  readonly conversations: readonly { readonly id: ConversationId; readonly subject: string }[]
  readonly attempts: number
  readonly last_error: string | null
  readonly scanned_at: string | null
  readonly created_at: string
}

interface FactsAnswer extends AttachmentFrame {
  readonly uploaded_by: AccountId | { readonly id: AccountId }
  readonly created_at: string
  readonly sha256?: string | null
  readonly engine?: string | null
}

interface FoundAnswer extends Omit<FoundFile, 'file'> {
  readonly file: AttachmentFrame
}

interface Address {
  readonly url: string
  readonly until: number
}

export class Files {
  private readonly api: Api
  private readonly environment: Pick<Environment, 'fetch' | 'now'>
  private readonly addresses = new Map<string, Promise<Address>>()
  private checking: { readonly scanner: Promise<Scanner>; readonly at: number } | null = null

  constructor(api: Api, environment: Pick<Environment, 'fetch' | 'now'>) {
    this.api = api
    this.environment = environment
  }

  /** Where its bytes are; the same address until it expires, so that the browser's cache serves what it has. */
  async url(file: FileId, variant: Variant, { download = false }: { download?: boolean } = {}): Promise<string> {
    const key = `${file} ${variant} ${download}`
    const known = this.addresses.get(key)
    if (known !== undefined) {
      const { url, until } = await known
      if (until > this.environment.now()) return url
      // Several may have found it expired at a time: one of them asks.
      if (this.addresses.get(key) !== known) return this.url(file, variant, { download })
    }
    const asked = this.ask(file, variant, download)
    this.addresses.set(key, asked)
    asked.catch(() => {
      if (this.addresses.get(key) === asked) this.addresses.delete(key)
    })
    return (await asked).url
  }

  /** An address did not do what it promised: ask for another one the next time. Without `file`: all of them. */
  forget(file?: FileId): void {
    for (const key of [...this.addresses.keys()]) if (file === undefined || key.startsWith(file)) this.addresses.delete(key)
  }

  /** The beginning of its text, `most` bytes of it. Raises Unreachable and ApiError. */
  async text(file: FileId, most: number): Promise<{ text: string; whole: boolean }> {
    const address = await this.url(file, 'original')
    let answer: Response
    let bytes: ArrayBuffer
    try {
      answer = await this.environment.fetch(address, { headers: { Range: `bytes=0-${most - 1}` }, credentials: 'omit', signal: AbortSignal.timeout(30_000) })
      bytes = answer.ok ? await answer.arrayBuffer() : new ArrayBuffer(0)
    } catch (fault) {
      throw new Unreachable(String(fault))
    }
    // An empty file has no first byte to begin with.
    if (!answer.ok && answer.status !== 416) {
      this.forget(file)
      throw new ApiError(answer.status, {})
    }
    const total = Number(/\/(\d+)$/.exec(answer.headers.get('Content-Range') ?? '')?.[1] ?? bytes.byteLength)
    return { text: new TextDecoder().decode(bytes.slice(0, most)), whole: total <= most }
  }

  async facts(file: FileId): Promise<FileFacts> {
    const { uploaded_by: by, created_at: createdAt, sha256, engine, ...attachment } = await this.api.get<FactsAnswer>(`files/${file}`)
    return {
      ...attachmentOf(attachment), uploadedBy: typeof by === 'string' ? by : by.id, createdAt, sha256: sha256 ?? null, engine: engine ?? null,
    }
  }

  /** Files of a conversation, the newest first. */
  async of(conversation: ConversationId, { kind, after = null, limit = 50 }: { kind?: Kind | undefined; after?: string | null; limit?: number } = {}): Promise<Page<FoundFile>> {
    const { items, next } = await this.api.get<Page<FoundAnswer>>(`conversations/${conversation}/files`, { type: kind, after, limit })
    return { items: items.map(({ file, seq, at, actor }) => ({ file: attachmentOf(file), seq, at, actor })), next }
  }

  /** Who checks files. */
  scanner(): Promise<Scanner> {
    const now = this.environment.now()
    if (this.checking !== null && now - this.checking.at < SCANNER_MS) return this.checking.scanner
    const scanner = this.api.get<Partial<Scanner> & Pick<Scanner, 'engine'>>('scanner').then(({ engine, version, signatures, ready }) => ({
      engine, version: version ?? null, signatures: signatures ?? null, ready: ready ?? true,
    }))
    const checking = (this.checking = { scanner, at: now })
    scanner.catch(() => {
      if (this.checking === checking) this.checking = null
    })
    return scanner
  }

  // What admins may do ------------------------------------------------------

  held(state: HeldState, after: string | null = null, limit = 50): Promise<Page<HeldFile>> {
    return this.api.get('admin/files', { state, after, limit })
  }

  /** Give it out all the same. */
  release(file: FileId, reason: string): Promise<HeldFile> {
    return this.api.post(`admin/files/${file}/release`, { reason }, newId())
  }

  /** Delete its bytes, for everybody and for good. */
  async destroy(file: FileId): Promise<void> {
    await this.api.delete(`admin/files/${file}`, newId())
  }

  private async ask(file: FileId, variant: Variant, download: boolean): Promise<Address> {
    const { url, expires_at: expires } = await this.api.get<{ url: string; expires_at: string | number }>(`files/${file}/url`, {
      variant, ...(download ? { download } : {}),
    })
    const at = typeof expires === 'number' ? expires * 1000 : Date.parse(expires)
    // Where this machine's clock is fast, an address would be out of date before it is used.
    return { url: new URL(url, this.api.url).href, until: Math.max(at - MARGIN, this.environment.now() + LEAST) }
  }
}
