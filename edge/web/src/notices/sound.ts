/** Two soft notes, a fourth apart: synthesised, so there is nothing to load. Hz, and seconds from now. */
const NOTES = [
  [587.33, 0],
  [783.99, 0.09],
] as const
const LOUDNESS = 0.08
const LASTS = 0.35

let context: AudioContext | undefined

/** Held back so long by the browser, in ms, it is no news any more. */
const STALE = 500

/** Plays it. Where the browser wants a click of the person first, there is none this time, and none later. */
export function ring(make: () => AudioContext = () => new AudioContext()): void {
  const speaker = (context ??= make())
  if (speaker.state === 'running') return play(speaker)
  const asked = Date.now()
  void speaker.resume().then(
    () => Date.now() - asked < STALE && play(speaker),
    () => undefined,
  )
}

function play(speaker: AudioContext): void {
  for (const [pitch, after] of NOTES) {
    const begin = speaker.currentTime + after
    const note = speaker.createOscillator()
    const loudness = speaker.createGain()
    note.frequency.value = pitch
    loudness.gain.setValueAtTime(0, begin)
    loudness.gain.linearRampToValueAtTime(LOUDNESS, begin + 0.01)
    loudness.gain.exponentialRampToValueAtTime(0.0001, begin + LASTS)
    note.connect(loudness).connect(speaker.destination)
    note.start(begin)
    note.stop(begin + LASTS)
  }
}

/** For tests: the next one has a context of its own. */
export const forget = (): void => (context = undefined)
