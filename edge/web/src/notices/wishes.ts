import { readonly, ref } from 'vue'

/** How somebody wants to be told of messages on this browser. Nothing makes a noise, or leaves the page, unasked. */
const SOUND = 'parley.sound'
const DESKTOP = 'parley.desktop'

const sound = ref(false)
const desktop = ref(false)
const refused = ref(false)

const permission = () => (typeof Notification === 'undefined' ? 'denied' : Notification.permission)

function read(): void {
  sound.value = localStorage.getItem(SOUND) === 'on'
  desktop.value = localStorage.getItem(DESKTOP) === 'on' && permission() === 'granted'
}

export const wishes = {
  sound: readonly(sound),
  /** Wanted here, and allowed by the browser. */
  desktop: readonly(desktop),
  /** The browser does not allow it: only its own settings can change that. */
  refused: readonly(refused),

  /** What was wanted last time, and is from now on, in whatever tab; the browser may have taken its permission back since. */
  start(): void {
    read()
    refused.value = false
    window.addEventListener('storage', read)
  },

  ring(on: boolean): void {
    localStorage.setItem(SOUND, on ? 'on' : 'off')
    sound.value = on
  },

  /** Asks the browser, which asks the person; so only when the person has just asked for it. */
  async notify(on: boolean): Promise<void> {
    const granted = on && permission() !== 'denied' && (await Notification.requestPermission()) === 'granted'
    refused.value = on && !granted
    desktop.value = granted
    localStorage.setItem(DESKTOP, granted ? 'on' : 'off')
  },
}
