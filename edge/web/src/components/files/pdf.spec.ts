import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { attachment } from '../../../tests/files'
import { fakeStore } from '../../../tests/store'
import PdfStage from './PdfStage.vue'

const paper = { pages: 3, ratio: vi.fn(() => Promise.resolve(0.5)), draw: vi.fn((..._: unknown[]) => Promise.resolve()), close: vi.fn() }
const openPaper = vi.fn((_: string) => Promise.resolve(paper))
vi.mock('@/messaging/papers', () => ({ openPaper: (url: string) => openPaper(url) }))

let seen: (entries: { isIntersecting: boolean; target: Element }[]) => void
const observed = new Set<Element>()
beforeEach(() => {
  vi.clearAllMocks()
  observed.clear()
  vi.stubGlobal('IntersectionObserver', class {
    constructor(told: typeof seen) {
      seen = told
    }
    observe = (one: Element) => observed.add(one)
    unobserve = (one: Element) => observed.delete(one)
    disconnect = () => observed.clear()
  })
})
afterEach(() => vi.unstubAllGlobals())

const settled = async () => {
  for (let turn = 0; turn < 6; turn++) await flushPromises()
  await new Promise((resolve) => setTimeout(resolve, 10))
  await flushPromises()
}
async function looking(world = fakeStore()) {
  const page = mount(PdfStage, { props: { file: attachment('plan') }, global: { plugins: [world.pinia] } })
  await settled()
  return page
}

describe('a PDF', () => {
  it('is drawn page by page, as each comes into sight, and once', async () => {
    const page = await looking()
    expect(openPaper).toHaveBeenCalledWith('/files/plan/original')
    const sheets = page.findAll('canvas')
    expect(sheets.map((one) => one.attributes('aria-label'))).toEqual([1, 2, 3].map((number) => `Page ${number} of plan.pdf`))
    expect(sheets[0]!.attributes('style')).toContain('aspect-ratio: 1 / 0.5')
    expect(observed.size).toBe(3)
    expect(paper.draw).not.toHaveBeenCalled()
    seen([{ isIntersecting: true, target: sheets[1]!.element }, { isIntersecting: false, target: sheets[2]!.element }])
    seen([{ isIntersecting: true, target: sheets[1]!.element }])
    expect(paper.draw.mock.calls.map(([number]) => number)).toEqual([2])
    expect(observed.size).toBe(2)
    page.unmount()
    expect(paper.close).toHaveBeenCalledOnce()
  })

  it('that is none, or cannot be drawn, says that it can be downloaded', async () => {
    openPaper.mockRejectedValueOnce(new Error('no PDF'))
    expect((await looking()).find('[role=alert]').text()).toContain('cannot be shown')
    paper.draw.mockRejectedValueOnce(new Error('a broken page'))
    const page = await looking()
    seen([{ isIntersecting: true, target: page.find('canvas').element }])
    await settled()
    expect(page.find('[role=alert]').text()).toContain('cannot be shown')
  })

  it('whose address is not to be had says so, and is asked for again', async () => {
    const world = fakeStore()
    world.files.url.mockRejectedValueOnce(new Error('no'))
    const page = await looking(world)
    await page.find('button').trigger('click')
    await settled()
    expect(page.findAll('canvas')).toHaveLength(3)
  })

  it('that is closed while it is being opened is let go', async () => {
    let open: (value: typeof paper) => void = () => undefined
    openPaper.mockReturnValueOnce(new Promise((resolve) => (open = resolve)))
    const page = await looking()
    page.unmount()
    open(paper)
    await settled()
    expect(paper.close).toHaveBeenCalledOnce()
  })
})
