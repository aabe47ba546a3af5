import { computed, shallowRef } from 'vue'
import { en } from '@/locales/en'

/** The shape that every language has to fill: `vue-tsc` refuses one in which a text is missing. */
export type Messages = { readonly [Area in keyof typeof en]: { readonly [Name in keyof (typeof en)[Area]]: string } }
export type MessageKey = { [Area in keyof Messages]: `${Area}.${keyof Messages[Area] & string}` }[keyof Messages]
export type Values = Readonly<Record<string, string | number>>
export type Locale = keyof typeof loaders

const STORED = 'parley.locale'
const loaders = {
  en: () => Promise.resolve(en as Messages),
  de: () => import('@/locales/de').then((module) => module.de),
}
export const locales = Object.keys(loaders) as Locale[]

const current = shallowRef<Locale>('en')
const messages = shallowRef<Messages>(en)
const plurals = computed(() => new Intl.PluralRules(current.value))

/**
 * One text. `{name}` is replaced by the value of that name; `one form | other form` is chosen by the value `count`
 * (both of our languages have two forms). Texts are shown as text, never as markup, so values need no escaping.
 */
export function t(key: MessageKey, values: Values = {}): string {
  const dot = key.indexOf('.')
  const area = messages.value[key.slice(0, dot) as keyof Messages] as Readonly<Record<string, string>>
  return fill(chosen(area[key.slice(dot + 1)] ?? key, values), values)
}

function chosen(text: string, values: Values): string {
  const count = values['count']
  if (typeof count !== 'number') return text
  const [one, other] = text.split(' | ')
  return (plurals.value.select(count) === 'one' ? one : other) ?? text
}

function fill(text: string, values: Values): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name]
    if (value === undefined) return whole
    return typeof value === 'number' ? value.toLocaleString(i18n.region.value) : value
  })
}

/** The language that somebody chose here before, else the first of the browser's that we have, else English. */
export function preferred(stored: string | null, wished: readonly string[]): Locale {
  for (const one of stored === null ? wished : [stored, ...wished]) {
    const language = one.toLowerCase().split('-')[0]
    const found = locales.find((locale) => locale === language)
    if (found !== undefined) return found
  }
  return 'en'
}

/** The first of the browser's languages that is this one, with the region it names. */
export function regional(locale: Locale, wished: readonly string[]): string {
  return wished.find((one) => one.toLowerCase().split('-')[0] === locale) ?? locale
}

/** Languages that are written from right to left. */
const RIGHT_TO_LEFT = new Set(['ar', 'ckb', 'dv', 'fa', 'he', 'ks', 'ku', 'ps', 'sd', 'ug', 'ur', 'yi'])

export const directionOf = (language: string): 'ltr' | 'rtl' => (RIGHT_TO_LEFT.has(language.toLowerCase().split('-')[0]!) ? 'rtl' : 'ltr')

async function use(locale: Locale): Promise<void> {
  messages.value = await loaders[locale]()
  current.value = locale
  document.documentElement.lang = locale
  document.documentElement.dir = directionOf(locale)
}

export const i18n = {
  locale: computed(() => current.value),

  /** What days, times and numbers are written by: this language as the browser's region has it (`en-GB`). */
  region: computed(() => regional(current.value, navigator.languages)),

  /** Before the app is mounted: nobody should see the other language first. */
  async start(): Promise<void> {
    await use(preferred(localStorage.getItem(STORED), navigator.languages))
  },

  async choose(locale: Locale): Promise<void> {
    localStorage.setItem(STORED, locale)
    await use(locale)
  },
}
