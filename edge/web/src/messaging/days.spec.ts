import { describe, expect, it } from 'vitest'
import { clock, dayLabel, dayName, dayOf, fullTime } from './days'

const at = (year: number, month: number, day: number, hour = 12) => new Date(year, month - 1, day, hour).getTime()

describe('days', () => {
  const now = at(2026, 11, 23)

  it('are the reader’s', () => {
    expect(dayOf(at(2026, 11, 23, 0))).toBe(dayOf(at(2026, 11, 23, 23)))
    expect(dayOf(at(2026, 11, 24, 0)) - dayOf(at(2026, 11, 23, 23))).toBe(1)
    expect(dayName(at(2026, 11, 23, 1), now)).toBe('today')
    expect(dayName(at(2026, 11, 22, 23), now)).toBe('yesterday')
    expect(dayName(at(2026, 11, 21), now)).toBeNull()
  })

  it('say their year when it is another', () => {
    expect(dayLabel(at(2026, 11, 20), now, 'en')).toBe('Friday, November 20')
    expect(dayLabel(at(2025, 11, 20), now, 'en')).toBe('Thursday, November 20, 2025')
    expect(dayLabel(at(2026, 11, 20), now, 'de')).toBe('Freitag, 20. November')
  })

  it('have hours as the language writes them', () => {
    expect(clock(at(2026, 11, 23, 14), 'de')).toBe('14:00')
    expect(clock(at(2026, 11, 23, 14), 'en')).toMatch(/^2:00\sPM$/)
    expect(fullTime(at(2026, 11, 23, 14), 'de')).toContain('23. November 2026')
  })
})
