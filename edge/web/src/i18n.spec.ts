import { beforeEach, describe, expect, it } from 'vitest'
import { i18n, locales, preferred, regional, directionOf, t, type MessageKey } from '@/i18n'
import { de } from '@/locales/de'
import { en } from '@/locales/en'

const placeholders = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort()

describe('i18n', () => {
  beforeEach(async () => {
    localStorage.clear()
    await i18n.choose('en')
  })

  it('takes the stored language before those of the browser', () => {
    expect(preferred('de', ['en-GB'])).toBe('de')
    expect(preferred('xx', ['fr', 'de-AT', 'en'])).toBe('de')
    expect(preferred(null, ['fr'])).toBe('en')
  })

  it('writes days and times as the browser’s region does, where it speaks the language', () => {
    expect(regional('en', ['de-CH', 'en-GB', 'en-US'])).toBe('en-GB')
    expect(regional('de', ['en-GB'])).toBe('de')
  })

  it('says in which direction a language is written', async () => {
    expect(['en', 'de-AT', 'he', 'ar-EG', 'fa'].map(directionOf)).toEqual(['ltr', 'ltr', 'rtl', 'rtl', 'rtl'])
    await i18n.choose('de')
    expect(document.documentElement.dir).toBe('ltr')
  })

  it('changes what is shown and what the page says it is', async () => {
    await i18n.choose('de')
    expect(t('app.toStart')).toBe('Zu den Gesprächen')
    expect(document.documentElement.lang).toBe('de')
    localStorage.setItem('parley.locale', 'en')
    await i18n.start()
    expect(i18n.locale.value).toBe('en')
    expect(locales).toEqual(['en', 'de'])
  })

  it('chooses the form by the count, and writes numbers as the language does', async () => {
    expect(t('app.unread', { count: 1 })).toBe('1 unread message')
    expect(t('app.unread', { count: 1234 })).toBe('1,234 unread messages')
    await i18n.choose('de')
    expect(t('app.unread', { count: 1234 })).toBe('1.234 ungelesene Nachrichten')
  })

  it('leaves a placeholder that got no value, and a key that has no text', () => {
    expect(t('app.unread')).toContain('{count}')
    expect(t('app.unread', { count: '<b>many</b>' })).toContain('<b>many</b>')
    expect(t('app.none' as MessageKey)).toBe('app.none')
  })

  it('has the same placeholders and forms in each language', () => {
    for (const area of Object.keys(en) as (keyof typeof en)[])
      for (const [name, text] of Object.entries(en[area])) {
        const other = (de[area] as Record<string, string>)[name] ?? ''
        expect(new Set(placeholders(other)), `${area}.${name}`).toEqual(new Set(placeholders(text)))
        expect(other.split(' | ').length, `${area}.${name}`).toBe(text.split(' | ').length)
      }
  })
})
