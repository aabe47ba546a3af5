/** The part of a server that takes files by tus 1.0, in memory, and breaks off on order. */
import type { AttachmentFrame } from '../../src/sdk/frames'

interface Taken {
  readonly name: string
  readonly length: number
  content: Uint8Array
}

export class FakeFiles {
  readonly taken = new Map<string, Taken>()
  /** What becomes of the next parts: so many bytes arrive, then the connection is gone. */
  readonly breaks: number[] = []
  /** A request that is to wait until it is told to go on, by "METHOD". */
  readonly holds = new Map<string, Promise<void>>()
  readonly ended: string[] = []
  private count = 0

  async answer(method: string, id: string | undefined, init: RequestInit): Promise<Response> {
    const headers = init.headers as Record<string, string>
    const hold = this.holds.get(method)
    if (hold !== undefined) await Promise.race([hold, aborted(init.signal)])
    if (method === 'POST') return this.create(headers)
    const one = this.taken.get(id ?? '')
    if (one === undefined) return new Response(null, { status: 404 })
    if (method === 'HEAD') return new Response(null, { headers: { 'Upload-Offset': String(one.content.length), 'Upload-Length': String(one.length) } })
    if (method === 'DELETE') {
      this.taken.delete(id!)
      this.ended.push(id!)
      return new Response(null, { status: 204 })
    }
    if (method === 'GET') return new Response(JSON.stringify(this.told([id!])[0]))
    if (Number(headers['Upload-Offset']) !== one.content.length) return new Response(JSON.stringify({ code: 'conflict' }), { status: 409 })
    const part = new Uint8Array(await (init.body as Blob).arrayBuffer())
    const most = this.breaks.shift()
    one.content = new Uint8Array([...one.content, ...part.slice(0, most)])
    if (most !== undefined) throw new TypeError('connection lost')
    return new Response(null, { status: 204, headers: { 'Upload-Offset': String(one.content.length) } })
  }

  told(ids: readonly string[]): AttachmentFrame[] {
    return ids.map((id) => {
      const { name, length: size } = this.taken.get(id)!
      return { id, name, type: 'text/plain', size, state: 'scanning', revision: 0, previews: false }
    })
  }

  text(id: string): string {
    return new TextDecoder().decode(this.taken.get(id)!.content)
  }

  private create(headers: Record<string, string>): Response {
    const [, name] = headers['Upload-Metadata']!.split(' ')
    const id = `file-${(this.count += 1)}`
    this.taken.set(id, { name: Buffer.from(name!, 'base64').toString(), length: Number(headers['Upload-Length']), content: new Uint8Array() })
    return new Response(null, { status: 201, headers: { Location: `/api/v1/files/${id}`, 'Upload-Offset': '0' } })
  }
}

const aborted = (signal: AbortSignal | null | undefined): Promise<never> =>
  new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new DOMException('aborted', 'AbortError'))))
