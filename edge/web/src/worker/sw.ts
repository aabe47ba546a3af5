/// <reference lib="webworker" />
/** The service worker: events in, `shell.ts` and `opening.ts` decide. Built into one file at the root (`build/worker.ts`). */
import { show } from './opening'
import { activate, answer, install, type Parts, type Shell } from './shell'

declare const self: ServiceWorkerGlobalScope
/** Put here by the build. */
declare const __SHELL__: Shell

const shell = __SHELL__
const parts: Parts = { caches: self.caches, fetch: (request, init) => self.fetch(request, init), origin: self.location.origin }

self.addEventListener('install', (event) => event.waitUntil(install(shell, parts)))

self.addEventListener('activate', (event) => {
  // The first page of all is served from here at once, so what it loads later is kept, too.
  event.waitUntil(activate(shell, parts).then(() => self.clients.claim()))
})

self.addEventListener('fetch', (event) => {
  const found = answer(event.request, shell, parts)
  if (found !== undefined) event.respondWith(found)
})

// Only when a person said so: whoever is writing is not interrupted.
self.addEventListener('message', (event: ExtendableMessageEvent) => {
  if ((event.data as { type?: unknown } | null)?.type === 'take-over') event.waitUntil(self.skipWaiting())
})

self.addEventListener('notificationclick', (event) => {
  event.notification.close()
  const data = event.notification.data as { path?: unknown } | null
  if (typeof data?.path !== 'string') return
  event.waitUntil(
    show(data.path, {
      all: () => self.clients.matchAll({ type: 'window', includeUncontrolled: true }),
      open: (path) => self.clients.openWindow(path),
    }),
  )
})
