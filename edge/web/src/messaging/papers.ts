/**
 * PDFs drawn by pdf.js, since a browser's own viewer runs in no sandbox, and everything that we serve is in one. What a PDF
 * would do by itself (scripts, forms, links) is not even loaded: pages become pictures.
 */
import { getDocument, GlobalWorkerOptions, type PDFDocumentProxy } from 'pdfjs-dist'
import workerAddress from 'pdfjs-dist/build/pdf.worker.min.mjs?url'

/** Pixels of one page at most, whatever it says that it measures. */
const MOST_PIXELS = 8_000_000
/** Bytes that are fetched at most: as large as a file may be here by default, and more. */
const MOST_BYTES = 64 * 1024 * 1024

interface TrustedTypes {
  createPolicy(name: string, rules: object): { createScriptURL(address: string): string }
}

/** The address of the library's worker, as the page's policy wants it (Trusted Types, `edge/webapp.py`). */
const trusted = (() => {
  const types = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes
  return types?.createPolicy('pdf', { createScriptURL: () => workerAddress }).createScriptURL(workerAddress) ?? workerAddress
})()

export interface Paper {
  readonly pages: number
  /** How high a page is for its width. */
  ratio(page: number): Promise<number>
  /** Draw a page (from 1) as wide as the canvas is shown. */
  draw(page: number, canvas: HTMLCanvasElement, width: number): Promise<void>
  close(): void
}

/** Fetch and open a PDF; rejects for what is none. */
export async function openPaper(url: string): Promise<Paper> {
  const answer = await fetch(url, { credentials: 'omit' })
  if (!answer.ok || Number(answer.headers.get('content-length')) > MOST_BYTES) throw new Error(`not to be had: ${answer.status}`)
  const data = new Uint8Array(await answer.arrayBuffer())
  GlobalWorkerOptions.workerPort = new Worker(trusted, { type: 'module' })
  const task = getDocument({ data, isEvalSupported: false, enableXfa: false, disableAutoFetch: true, useWasm: false })
  const document = await task.promise
  return paperOf(document, () => void task.destroy())
}

function paperOf(document: PDFDocumentProxy, close: () => void): Paper {
  return {
    pages: document.numPages,
    async ratio(number) {
      const { width, height } = (await document.getPage(number)).getViewport({ scale: 1 })
      return height / width
    },
    async draw(number, canvas, width) {
      const page = await document.getPage(number)
      const plain = page.getViewport({ scale: 1 })
      const wanted = (width * (globalThis.devicePixelRatio || 1)) / plain.width
      const scale = Math.min(wanted, Math.sqrt(MOST_PIXELS / (plain.width * plain.height)))
      const viewport = page.getViewport({ scale })
      canvas.width = Math.floor(viewport.width)
      canvas.height = Math.floor(viewport.height)
      await page.render({ canvas, viewport }).promise
      page.cleanup()
    },
    close,
  }
}
