// @vitest-environment node
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

type Colour = readonly [lightness: number, chroma: number, hue: number]

const css = readFileSync(join(import.meta.dirname, 'tokens.css'), 'utf8')
const themes = { light: new Map<string, Colour>(), dark: new Map<string, Colour>() }
for (const [, name, both] of css.matchAll(/--([\w-]+): light-dark\((oklch\([\d. ]+\), oklch\([\d. ]+\))\);/g)) {
  const [light, dark] = [...both!.matchAll(/oklch\(([\d.]+) ([\d.]+) ?([\d.]*)\)/g)].map(([, l, c, h]) => [Number(l), Number(c), Number(h)] as const)
  themes.light.set(name!, light!)
  themes.dark.set(name!, dark!)
}

/** Linear sRGB of a colour, what the screen cannot show cut off. CSS Color 4, "OKLab to linear sRGB". */
function linear([lightness, chroma, hue]: Colour): number[] {
  const a = chroma * Math.cos((hue * Math.PI) / 180)
  const b = chroma * Math.sin((hue * Math.PI) / 180)
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3
  return [4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s, -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s, -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s].map((one) => Math.min(1, Math.max(0, one)))
}

/** WCAG 2.2, "contrast ratio". */
function contrast(one: Colour, other: Colour): number {
  const luminance = (colour: Colour) => linear(colour).reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at]!, 0)
  const [low, high] = [luminance(one), luminance(other)].sort((x, y) => x - y)
  return (high! + 0.05) / (low! + 0.05)
}

const GROUNDS = ['surface', 'surface-raised', 'surface-sunken', 'surface-hover', 'surface-chosen', 'accent-tint']
const TEXTS = ['text', 'text-soft', 'accent', 'danger', 'warning']
const WHITE: Colour = [1, 0, 0]

describe.each(Object.entries(themes))('in the %s theme', (_theme, colours) => {
  const between = (one: string, other: string) => contrast(colours.get(one)!, colours.get(other)!)

  it.each(TEXTS.flatMap((text) => GROUNDS.map((ground) => [text, ground] as const)))('%s is read on %s', (text, ground) => {
    expect(between(text, ground)).toBeGreaterThanOrEqual(4.5)
  })

  it('what stands on the accent and on a tint is read', () => {
    expect(between('on-accent', 'accent')).toBeGreaterThanOrEqual(4.5)
    expect(between('danger', 'danger-tint')).toBeGreaterThanOrEqual(4.5)
    expect(between('text', 'danger-tint')).toBeGreaterThanOrEqual(4.5)
    expect(between('text', 'warning-tint')).toBeGreaterThanOrEqual(4.5)
  })

  it('the edge of a field is seen', () => {
    for (const ground of ['surface', 'surface-raised']) expect(between('edge', ground), ground).toBeGreaterThanOrEqual(3)
  })

  it('marks that say something are seen', () => {
    for (const mark of ['success', 'warning', 'danger', 'accent', 'text-soft']) for (const ground of GROUNDS) expect(between(mark, ground), `${mark} on ${ground}`).toBeGreaterThanOrEqual(3)
  })
})

it('initials are read on every hue', () => {
  const [, lightness, chroma] = /oklch\(([\d.]+) ([\d.]+) calc\(var\(--hue\)/.exec(readFileSync(join(import.meta.dirname, '../components/base/Avatar.vue'), 'utf8'))!
  for (let hue = 0; hue < 360; hue += 5) expect(contrast([Number(lightness), Number(chroma), hue], WHITE), `hue ${hue}`).toBeGreaterThanOrEqual(4.5)
})

it('the colours are read as the browser reads them', () => {
  expect(themes.light.size).toBeGreaterThan(12)
  expect(contrast([0, 0, 0], WHITE)).toBeCloseTo(21, 1)
  // sRGB red and green: 2.91 by the definition of WCAG.
  expect(contrast([0.62796, 0.25768, 29.234], [0.86644, 0.29483, 142.495])).toBeCloseTo(2.91, 1)
})
