import { beforeEach, describe, expect, it } from 'vitest'
import { theme } from './theme'

const shown = () => document.documentElement.dataset['theme']

describe('the theme', () => {
  beforeEach(() => {
    localStorage.clear()
    theme.start()
  })

  it('is the system’s until somebody chooses', () => {
    expect([theme.chosen.value, shown()]).toEqual(['system', undefined])
  })

  it('is kept for the next time, and given back to the system', () => {
    theme.choose('dark')
    theme.start()
    expect([theme.chosen.value, shown()]).toEqual(['dark', 'dark'])
    theme.choose('system')
    theme.start()
    expect([theme.chosen.value, shown()]).toEqual(['system', undefined])
  })

  it('is the system’s where something else was stored', () => {
    localStorage.setItem('parley.theme', 'pink')
    theme.start()
    expect([theme.chosen.value, shown()]).toEqual(['system', undefined])
  })
})
