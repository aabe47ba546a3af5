import { describe, expect, it } from 'vitest'
import { IDLE, isLongPress, LONG_PRESS, moved, pressed } from './gestures'
import { placeMenu } from './placement'

describe('a touch', () => {
  const down = pressed({ x: 100, y: 100 })

  it('pulls the message and becomes a reply when it went far enough', () => {
    const little = moved(down, { x: 130, y: 103 }, false)
    expect(little).toMatchObject({ phase: 'swiping', pulled: 30, armed: false })
    const far = moved(little, { x: 170, y: 130 }, false)
    expect(far).toMatchObject({ armed: true })
    expect(far.pulled).toBeGreaterThan(56)
    expect(moved(far, { x: 500, y: 100 }, false).pulled).toBe(72)
    expect(moved(far, { x: 90, y: 100 }, false)).toMatchObject({ pulled: 0, armed: false })
  })

  it('is a scroll when it goes up or down, or the other way, and stays one', () => {
    const scroll = moved(down, { x: 104, y: 130 }, false)
    expect(scroll.phase).toBe('scrolling')
    expect(moved(scroll, { x: 200, y: 130 }, false)).toBe(scroll)
    expect(moved(down, { x: 60, y: 100 }, false).phase).toBe('scrolling')
    expect(moved(IDLE, { x: 60, y: 100 }, false)).toBe(IDLE)
  })

  it('goes the other way where one reads from right to left', () => {
    expect(moved(down, { x: 40, y: 100 }, true)).toMatchObject({ phase: 'swiping', armed: true })
    expect(moved(down, { x: 160, y: 100 }, true).phase).toBe('scrolling')
  })

  it('asks for the menu when it stays where it is', () => {
    const trembling = moved(down, { x: 104, y: 104 }, false)
    expect(isLongPress(trembling, LONG_PRESS)).toBe(true)
    expect(isLongPress(trembling, LONG_PRESS - 1)).toBe(false)
    expect(isLongPress(moved(down, { x: 100, y: 150 }, false), 2000)).toBe(false)
  })
})

describe('a menu', () => {
  const viewport = { left: 0, top: 0, width: 400, height: 600 }
  const size = { width: 200, height: 150 }
  const anchor = (left: number, top: number) => ({ left, top, width: 20, height: 20 })

  it.each([
    ['below', anchor(300, 100), false, { left: 120, top: 124 }],
    ['above where there is no room below', anchor(300, 500), false, { left: 120, top: 346 }],
    ['inside on the left', anchor(10, 100), false, { left: 8, top: 124 }],
    ['from the left where one reads from right to left', anchor(50, 100), true, { left: 50, top: 124 }],
    ['inside on the right', anchor(390, 100), true, { left: 192, top: 124 }],
  ])('opens %s', (_name, from, rtl, expected) => {
    expect(placeMenu(from, size, viewport, rtl)).toEqual(expected)
  })

  it('opens where a text begins that is wider than it', () => {
    const text = { left: 100, top: 100, width: 500, height: 40 }
    const wide = { left: 0, top: 0, width: 800, height: 600 }
    expect(placeMenu(text, { width: 200, height: 100 }, wide, false).left).toBe(100)
    expect(placeMenu(text, { width: 200, height: 100 }, wide, true).left).toBe(400)
  })

  it('stays on screen when neither side has room', () => {
    expect(placeMenu(anchor(300, 100), { width: 200, height: 550 }, viewport, false)).toEqual({ left: 120, top: 42 })
    expect(placeMenu(anchor(300, 100), { width: 200, height: 700 }, viewport, false).top).toBe(8)
  })
})
