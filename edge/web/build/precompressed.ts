import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip } from 'node:zlib'
import type { Plugin } from 'vite'

const TEXT = /\.(js|css|svg|webmanifest)$/
// Below it the headers of the answer weigh more than what is saved.
const LEAST_BYTES = 1024

/** Writes `x.js.br` and `x.js.gz` beside `x.js`, as small as they get: it is done once, and read for a year. */
export function precompressed(): Plugin {
  return {
    name: 'parley:precompressed',
    apply: 'build',
    async writeBundle(options) {
      const folder = options.dir ?? 'dist'
      const files = await readdir(folder, { recursive: true })
      await Promise.all(files.filter((name) => TEXT.test(name)).map((name) => compress(join(folder, name))))
    },
  }
}

async function compress(path: string): Promise<void> {
  const plain = await readFile(path)
  if (plain.length < LEAST_BYTES) return
  const brotli = await promisify(brotliCompress)(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })
  await writeFile(`${path}.br`, brotli)
  await writeFile(`${path}.gz`, await promisify(gzip)(plain, { level: 9 }))
}
