/** A message on the desktop: by the worker where there is one, so that a click is understood after the page is gone. */
export interface Told {
  readonly title: string
  readonly body: string
  /** A later one of the same conversation replaces it. */
  readonly tag: string
  readonly path: string
}

const ICON = '/icons/parley-192.png'

export async function notify({ title, body, tag, path }: Told, registration: ServiceWorkerRegistration | null, open: (path: string) => void): Promise<void> {
  const options = { body, tag, icon: ICON, data: { path } }
  if (registration !== null) return registration.showNotification(title, options)
  const shown = new Notification(title, options)
  shown.addEventListener('click', () => {
    window.focus()
    open(path)
    shown.close()
  })
}

/** Take back what is shown of this conversation, which is read by now; of all, where nobody is signed in any more. */
export async function withdraw(registration: ServiceWorkerRegistration | null, tag?: string): Promise<void> {
  for (const one of (await registration?.getNotifications(tag === undefined ? {} : { tag })) ?? []) one.close()
}
