// @vitest-environment node
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

/** What would stay on one side of the screen where one reads from right to left. */
const PHYSICAL = [
  /(?:^|[\s;{])(?:left|right)\s*:/,
  /(?:margin|padding|border)-(?:left|right)\b/,
  /border-(?:top|bottom)-(?:left|right)-radius/,
  /(?:text-align|float|clear)\s*:\s*(?:left|right)\b/,
  /linear-gradient\(\s*to (?:left|right)\b/,
  /translate(?:X|3d)?\((?!.*--direction)(?:-?\d*\.?\d+(?:px|%|r?em|ch|vw)|calc|var)[^,)]*\)/,
]
const FOUR = /(?:padding|margin|inset|border-(?:width|color|style)|scroll-(?:margin|padding))\s*:\s*([^;{}]+)/g
const CORNERS = /border-radius\s*:\s*([^;{}/]+)/g
const POINTING = /^(?:Arrow|Chevrons?|Move|Corner|Undo|Redo|Rotate|Reply|Forward|Send|Log(?:In|Out)|Panel(?:Left|Right)|SkipBack|SkipForward|List(?:Start|End)|Text(?:AlignStart|AlignEnd))/
const UPRIGHT = /(?:Up|Down|Vertical)$|^ArrowUpDown$/

const src = join(import.meta.dirname, '..')
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => /\.(?:css|vue|ts)$/.test(name) && !name.includes('.spec.'))
const styles = files.filter((name) => !name.endsWith('.ts')).map((name) => [name, styleOf(name)] as const)

/** The style of a file, without its comments. */
function styleOf(name: string): string {
  const text = readFileSync(join(src, name), 'utf8')
  const style = name.endsWith('.css') ? text : [...text.matchAll(/<style[^>]*>(.*?)<\/style>/gs)].map(([, inner]) => inner).join('\n')
  return style.replace(/\/\*.*?\*\//gs, '')
}

/** The parts of a shorthand: blanks inside brackets divide nothing. */
const parts = (value: string): string[] => value.trim().match(/(?:[^\s(]|\((?:[^()]|\([^()]*\))*\))+/g) ?? []

/** What a style says of a side of the screen instead of the line's beginning and end. */
function sides(style: string): string[] {
  const found = style.split('\n').filter((line) => PHYSICAL.some((one) => one.test(line)))
  for (const [whole, value] of style.matchAll(FOUR)) {
    const [, right, , left] = parts(value!)
    if (left !== undefined && left !== right) found.push(whole)
  }
  for (const [whole, value] of style.matchAll(CORNERS)) {
    const [topLeft, topRight = topLeft, bottomRight = topLeft, bottomLeft = topRight] = parts(value!)
    if (topLeft !== topRight || bottomLeft !== bottomRight) found.push(whole)
  }
  return found
}

describe('where one reads from right to left', () => {
  it.each(styles)('%s has nothing that stays on its side', (_name, style) => {
    expect(sides(style)).toEqual([])
  })

  it('the search for such finds them', () => {
    const wrong = ['left: 0;', 'margin-left: 4px;', 'text-align: right;', 'padding: 0 1px 0 2px;', 'border-radius: 4px 0 0 4px;', 'transform: translateX(-100%);', 'border-top-left-radius: 2px;', 'inset: 0 auto 0 0;']
    expect(wrong.filter((one) => sides(one).length === 0)).toEqual([])
    const right = ['inset-inline-start: 0;', 'padding: 0 calc(1px + 2px) 0 calc(1px + 2px);', 'border-radius: 4px 4px 0 0;', 'transform: translateX(calc(var(--direction) * -100%));', 'transform: translateY(40%);', 'inset: auto 0 0;']
    expect(right.filter((one) => sides(one).length > 0)).toEqual([])
  })

  it('every icon that points is a mirrored one', () => {
    const taken = files
      .filter((name) => !name.endsWith('pointing.ts'))
      .flatMap((name) => [...readFileSync(join(src, name), 'utf8').matchAll(/import \{([^}]*)\} from '@lucide\/vue'/g)].flatMap(([, names]) => names!.split(',').map((one) => `${name}: ${one.trim().split(' as ')[0]}`)))
    expect(taken.length).toBeGreaterThan(10)
    expect(taken.filter((one) => POINTING.test(one.split(': ')[1]!) && !UPRIGHT.test(one))).toEqual([])
  })
})
