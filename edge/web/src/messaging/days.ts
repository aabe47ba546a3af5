/** Days and times as the reader's calendar and clock show them. `now` is handed in. */

const formats = new Map<string, Intl.DateTimeFormat>()

function format(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = locale + JSON.stringify(options)
  let made = formats.get(key)
  if (made === undefined) formats.set(key, (made = new Intl.DateTimeFormat(locale, options)))
  return made
}

/** A number that is the same for two times of one local day, and one more for the next day. */
export function dayOf(time: number): number {
  const date = new Date(time)
  return Math.round(Date.UTC(date.getFullYear(), date.getMonth(), date.getDate()) / 86_400_000)
}

export type DayName = 'today' | 'yesterday' | null

export function dayName(time: number, now: number): DayName {
  const ago = dayOf(now) - dayOf(time)
  return ago === 0 ? 'today' : ago === 1 ? 'yesterday' : null
}

/** `Monday, 23 November`, with the year where it is not this one. */
export function dayLabel(time: number, now: number, locale: string): string {
  const thisYear = new Date(time).getFullYear() === new Date(now).getFullYear()
  return format(locale, { weekday: 'long', day: 'numeric', month: 'long', ...(thisYear ? {} : { year: 'numeric' }) }).format(time)
}

/** As short as a row of the list needs it: `Tue` within six days, `23 Nov`, and with the year where it is not this one. */
export function shortDay(time: number, now: number, locale: string): string {
  if (dayOf(now) - dayOf(time) < 7) return format(locale, { weekday: 'short' }).format(time)
  const thisYear = new Date(time).getFullYear() === new Date(now).getFullYear()
  return format(locale, thisYear ? { day: 'numeric', month: 'short' } : { dateStyle: 'short' }).format(time)
}

const REMEMBERED = 500
const clocks = new Map<string, string>()

/** The hour and minute. What stands in a list shows the same minutes again and again, so the last 500 are remembered. */
export function clock(time: number, locale: string): string {
  const key = `${locale} ${Math.floor(time / 60_000)}`
  let shown = clocks.get(key)
  if (shown !== undefined) return shown
  if (clocks.size >= REMEMBERED) clocks.clear()
  clocks.set(key, (shown = format(locale, { timeStyle: 'short' }).format(time)))
  return shown
}

export const fullTime = (time: number, locale: string): string => format(locale, { dateStyle: 'full', timeStyle: 'short' }).format(time)
