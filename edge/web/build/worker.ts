import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'

const SOURCE = fileURLToPath(new URL('../src/worker/sw.ts', import.meta.url))
/** In `public/`, which is copied beside the bundle, and shown before anything else is. */
const PUBLIC = ['icons/parley.svg', 'manifest.webmanifest']
export const WORKER = 'sw.js'

/**
 * Builds the service worker into `sw.js`, one classic script, with the list of the files that the app needs to open: its
 * page, scripts, styles, icons, and the fonts of Latin letters. Fonts of other scripts are kept when they are first used.
 */
export function worker(): Plugin {
  return {
    name: 'parley:worker',
    // Only where pages are built: what is built of the app's parts for Node has no worker.
    apply: (_, { command, isSsrBuild }) => command === 'build' && isSsrBuild !== true,
    buildStart() {
      this.emitFile({ type: 'chunk', id: SOURCE, fileName: WORKER })
    },
    generateBundle: {
      order: 'post',
      handler(_, bundle) {
        const script = bundle[WORKER]
        if (script?.type !== 'chunk') throw new Error('the service worker was not built')
        if (script.imports.length > 0 || /^\s*(?:import|export)\b/m.test(script.code)) throw new Error('the service worker must be one script: share nothing with the app')
        const files = [...Object.keys(bundle).filter((name) => name !== WORKER && kept(name)), ...PUBLIC].map((name) => `/${name}`).sort()
        const digest = createHash('sha256')
        for (const name of PUBLIC) digest.update(name).update(readFileSync(new URL(`../public/${name}`, import.meta.url)))
        for (const name of Object.keys(bundle).sort()) {
          const file = bundle[name]!
          digest.update(name).update(file.type === 'chunk' ? file.code : file.source)
        }
        const shell = JSON.stringify({ version: digest.digest('hex').slice(0, 16), files })
        script.code = script.code.replace('__SHELL__', shell)
      },
    },
  }
}

/** What draws PDFs is as large as all the rest, and a file that it could draw is not there without a network. */
const kept = (name: string): boolean => !name.endsWith('.map') && !/\/(?:papers|pdf\.worker)[.-]/.test(name) && (!/\.woff2?$/.test(name) || /-latin-(?!ext)/.test(name))
