import { describe, expect, it } from 'vitest'
import { isBlocked, reasonText, stateText, troubleText } from '@/messaging/blocked'
import { boxOf, isPicture, kindOf } from '@/messaging/filekinds'
import { nameParts, shownName } from '@/messaging/filenames'
import { saidText } from '@/messaging/said'
import { partOf, percentText, sizeText } from '@/messaging/sizes'
import { FURTHEST, kept, moved, turned, WHOLE, zoomed } from '@/messaging/zooming'
import { attachment, picture } from '../../tests/files'

describe('the name of a file', () => {
  it('shows what would turn it around or hide in it', () => {
    expect(shownName('photo\u202egnp.exe')).toBe('photo\ufffdgnp.exe')
    expect(shownName('two\nlines\u2066.txt')).toBe('two\ufffdlines\ufffd.txt')
    expect(shownName('  ')).toBe('\ufffd')
    expect(shownName('می\u200cخواهم.pdf')).toBe('می\u200cخواهم.pdf')
  })

  it('keeps its ending where room is short', () => {
    expect(nameParts('a long plan.tar.gz')).toEqual(['a long plan.tar', '.gz'])
    expect(nameParts('.profile')).toEqual(['.pro', 'file'])
    expect(nameParts('no ending at all')).toEqual(['no ending at', ' all'])
    expect(nameParts('ab')).toEqual(['', 'ab'])
  })
})

it('a size is told in the units of the region', () => {
  expect([0, 1, 999, 1_000, 1_449_000, 250_000_000, 3.2e12].map((size) => sizeText(size, 'en'))).toEqual(['0 bytes', '1 byte', '999 bytes', '1 kB', '1.4 MB', '250 MB', '3.2 TB'])
  expect(sizeText(1_449_000, 'de')).toBe('1,4 MB')
  expect(percentText(partOf(1, 4), 'en')).toBe('25%')
  expect([partOf(0, 0), partOf(9, 4)]).toEqual([1, 1])
})

describe('a file', () => {
  it('is shown by what the server found it to be', () => {
    expect(['image/png', 'application/pdf', 'text/html', 'application/json', 'application/zip'].map(kindOf)).toEqual(['image', 'pdf', 'text', 'text', 'other'])
    expect(isPicture(picture('a'))).toBe(true)
    expect([picture('a', { state: 'scanning' }), picture('a', { previews: false }), attachment('a', { previews: true })].map(isPicture)).toEqual([false, false, false])
  })

  it('that is an image has its box before it is loaded', () => {
    const most = { width: 300, height: 200 }
    expect(boxOf({ width: 600, height: 200 }, most)).toEqual({ width: 300, height: 100 })
    expect(boxOf({ width: 30, height: 4000 }, most)).toEqual({ width: 44, height: 200 })
    expect(boxOf({ width: null, height: null }, most)).toEqual({ width: 200, height: 200 })
    expect(boxOf({ width: 0, height: 5 }, most)).toEqual({ width: 200, height: 200 })
  })

  it('says how it stands, in words', () => {
    expect(stateText(attachment('a'))).toBe('')
    expect(stateText(attachment('a', { state: 'scanning' }))).toBe('Is being checked')
    expect(stateText(attachment('a', { state: 'deleted' }))).toBe('Was deleted')
    expect(stateText(attachment('a', { state: 'rejected', reason: 'macros' }))).toBe('Blocked: it has macros in it.')
    expect(stateText(attachment('a', { state: 'infected', signature: 'Eicar' }))).toContain('(Eicar)')
    expect(stateText(attachment('a', { state: 'infected' }))).toBe('Blocked: malware found')
    expect(isBlocked(attachment('a', { state: 'infected' }))).toBe(true)
    expect([reasonText('of a later version'), reasonText(null)]).toEqual(Array(2).fill('it did not pass the check.'))
    expect(troubleText('quota_exceeded')).toContain('no room')
  })

  it('stands for a message without text', () => {
    expect(saidText({ body: '**Hi**', attachments: [attachment('a')] })).toBe('Hi')
    expect(saidText({ body: '', attachments: [attachment('a'), attachment('b\u202e')] })).toBe('2 files: a.pdf, b\ufffd.pdf')
    expect(saidText({ body: '', attachments: [attachment('abc')] }, 6)).toBe('1 file')
    expect([saidText({ body: null, attachments: [] }), saidText({ body: '', attachments: [] })]).toEqual(['', ''])
  })
})

describe('an image on its stage', () => {
  const image = { width: 400, height: 200 }
  const stage = { width: 500, height: 500 }

  it('is zoomed where one points, within bounds', () => {
    const twice = zoomed(WHOLE, 2, { x: 100, y: 0 }, image, stage)
    expect(twice).toEqual({ scale: 2, x: -100, y: 0 })
    expect(zoomed(twice, 100, { x: 0, y: 0 }, image, stage).scale).toBe(FURTHEST)
    expect(zoomed(twice, 0.1, { x: 50, y: 0 }, image, stage)).toEqual(WHOLE)
  })

  it('is moved no farther than its edge', () => {
    const twice = { scale: 2, x: 0, y: 0 }
    expect(moved(twice, 1000, 1000, image, stage)).toEqual({ scale: 2, x: 150, y: 0 })
    expect(kept({ scale: 2, x: -1000, y: 0 }, image, stage).x).toBe(-150)
  })

  it('is turned over by a swipe along the line of reading', () => {
    expect([turned(-80, 0, false), turned(80, 0, false), turned(-80, 0, true), turned(80, 0, true)]).toEqual([1, -1, -1, 1])
    expect([turned(-50, 0, false), turned(-80, 60, false)]).toEqual([0, 0])
  })
})
