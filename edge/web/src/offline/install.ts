import { shallowRef, type InjectionKey, type Ref } from 'vue'

/** https://wicg.github.io/manifest-incubations/#beforeinstallpromptevent-interface: not in all browsers, nor in TypeScript. */
interface InstallPromptEvent extends Event {
  prompt(): Promise<unknown>
}

export interface Install {
  /** The browser would install the app now. */
  readonly offered: Readonly<Ref<boolean>>
  /** Have it ask the person; an offer is good for one time. */
  ask(): Promise<void>
}

export const INSTALL: InjectionKey<Install> = Symbol('install')

/** Keeps the browser's offer until somebody looks for it in the settings, instead of a banner over the work. Call it early. */
export function followInstall(target: EventTarget = window): Install {
  const offer = shallowRef<InstallPromptEvent | null>(null)
  const offered = shallowRef(false)
  target.addEventListener('beforeinstallprompt', (event) => {
    event.preventDefault()
    offer.value = event as InstallPromptEvent
    offered.value = true
  })
  target.addEventListener('appinstalled', () => (offered.value = false))
  return {
    offered,
    async ask(): Promise<void> {
      offered.value = false
      await offer.value?.prompt()
    },
  }
}
