import { vi } from 'vitest'
import type { Attachment, HeldFile, Upload } from '@/sdk'
import { ADAM, CONVERSATION, START } from './timelines'

export const attachment = (id: string, more: Partial<Attachment> = {}): Attachment => ({
  id, name: `${id}.pdf`, type: 'application/pdf', size: 1_400_000, state: 'clean', revision: 1, reason: null, signature: null, width: null, height: null, previews: false, ...more,
})

export const picture = (id: string, more: Partial<Attachment> = {}): Attachment =>
  attachment(id, { name: `${id}.png`, type: 'image/png', width: 400, height: 200, previews: true, ...more })

export const upload = (id: string, more: Partial<Upload> = {}): Upload => ({
  id, conversation: CONVERSATION, message: null, name: `${id}.pdf`, type: 'application/pdf', size: 2_000_000, sent: 500_000, phase: 'sending', trouble: null, kept: true, ...more,
})

export const heldFile = (id: string, more: Partial<HeldFile> = {}): HeldFile => ({
  id, name: `${id}.exe`, type: 'application/x-msdownload', size: 7, sha256: 'ab12', state: 'infected', reason: null, signature: 'Eicar-Test', engine: 'clamd',
  uploaded_by: { id: ADAM, name: 'Adam Ode' }, conversations: [{ id: CONVERSATION, subject: 'Harbour' }], attempts: 1, last_error: null,
  scanned_at: new Date(START).toISOString(), created_at: new Date(START).toISOString(), ...more,
})

/** Files of a server that the test speaks for. */
export function fakeFiles() {
  return {
    url: vi.fn((file: string, variant: string, { download = false } = {}) => Promise.resolve(`/files/${file}/${variant}${download ? '?download' : ''}`)),
    forget: vi.fn(),
    text: vi.fn(() => Promise.resolve({ text: 'line', whole: true })),
    facts: vi.fn((id: string) => Promise.resolve({ ...attachment(id), uploadedBy: ADAM, createdAt: new Date(START).toISOString(), sha256: 'ab12', engine: 'clamd' })),
    of: vi.fn(() => Promise.resolve({ items: [] as unknown[], next: null as string | null })),
    scanner: vi.fn(() => Promise.resolve({ engine: 'clamd', version: '1', signatures: '27000', ready: true })),
    held: vi.fn(() => Promise.resolve({ items: [] as HeldFile[], next: null as string | null })),
    release: vi.fn(() => Promise.resolve(heldFile('f', { state: 'clean' }))),
    destroy: vi.fn(() => Promise.resolve()),
  }
}

/** A file as somebody chooses it. */
export const chosen = (name: string, size = 3): File => new File(['x'.repeat(size)], name, { type: 'text/plain' })
