/**
 * The app's own files, kept so that it opens without a network. A version is a cache: filled as a whole before it counts,
 * named after what is in it. Nothing of an account is ever in one: addresses of the API are never looked at.
 */

/** What the build tells the worker: which files the app is, and a digest of them all. */
export interface Shell {
  readonly version: string
  readonly files: readonly string[]
}

export interface Parts {
  readonly caches: CacheStorage
  readonly fetch: (request: Request | string, init?: RequestInit) => Promise<Response>
  readonly origin: string
}

export const PAGE = '/index.html'
const PREFIX = 'parley-shell-'
const ELSEWHERE = /^\/(?:api|ws|files|healthz|readyz)(?:\/|$)/
const HASHED = '/assets/'

/** Fill this version's cache; what an earlier version has of it is not fetched again. Rejects where anything is missing. */
export async function install(shell: Shell, { caches, fetch }: Parts): Promise<void> {
  const cache = await caches.open(PREFIX + shell.version)
  const wanted = [PAGE, ...shell.files.filter((file) => file !== PAGE)]
  await Promise.all(
    wanted.map(async (file) => {
      const known = file.startsWith(HASHED) ? await caches.match(file) : undefined
      const answer = known ?? (await fetch(file, { cache: 'reload', credentials: 'omit' }))
      if (!answer.ok || answer.redirected) throw new Error(`${file} could not be fetched: ${answer.status}`)
      await cache.put(file, answer)
    }),
  )
}

/**
 * Older versions go, but for the one before: pages that it opened may still be open, and fetch what they show next from it.
 * Caches are listed in the order in which they were made.
 */
export async function activate(shell: Shell, { caches }: Parts): Promise<void> {
  const others = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== PREFIX + shell.version)
  await Promise.all(others.slice(0, -1).map((name) => caches.delete(name)))
}

/** The answer to a request, if it is one for the app's own files; else undefined, and the network answers. */
export function answer(request: Request, shell: Shell, parts: Parts): Promise<Response> | undefined {
  const { origin, pathname } = new URL(request.url)
  if (request.method !== 'GET' || origin !== parts.origin || ELSEWHERE.test(pathname)) return undefined
  if (request.mode === 'navigate') return isPage(pathname) ? kept(PAGE, request, shell, parts) : undefined
  if (pathname.startsWith(HASHED) || shell.files.includes(pathname)) return kept(pathname, request, shell, parts)
  return undefined
}

/** As the edge has it (`edge/webapp.py`): every address whose last part has no ending is the app's page. */
const isPage = (pathname: string): boolean => pathname === PAGE || !pathname.slice(pathname.lastIndexOf('/')).includes('.')

async function kept(file: string, request: Request, shell: Shell, { caches, fetch }: Parts): Promise<Response> {
  const cache = await caches.open(PREFIX + shell.version)
  const found = (await cache.match(file)) ?? (file.startsWith(HASHED) ? await caches.match(file) : undefined)
  if (found !== undefined) return found
  const fresh = await fetch(request)
  // A font for another script, say: its name holds its digest, so it is true for ever.
  if (fresh.ok && file.startsWith(HASHED)) await cache.put(file, fresh.clone()).catch(() => undefined)
  return fresh
}
