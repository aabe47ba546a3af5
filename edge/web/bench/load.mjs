import { gzipSync } from 'node:zlib'
import { COMPOSER, ROW } from '../e2e/screen.mjs'
import { median } from './figures.mjs'

const SLOWDOWN = 4
const RUNS = 5
const QUIET_MS = 1000

/** The chat route from nothing: how much script it takes, and when one can begin on a machine that is four times slower. */
export async function load({ page, world }) {
  const url = `${world.base}/c/${world.conversations.talk}`
  const session = await page.createCDPSession()
  await session.send('Network.setCacheDisabled', { cacheDisabled: true })
  await session.send('Network.setBypassServiceWorker', { bypass: true })
  const scripts = new Map()
  const keep = async (answer) => {
    if (answer.request().resourceType() === 'script') scripts.set(answer.url(), gzipSync(await answer.buffer()).length)
  }
  await page.evaluateOnNewDocument(() => {
    globalThis.longTasks = []
    new PerformanceObserver((list) => globalThis.longTasks.push(...list.getEntries().map((one) => one.startTime + one.duration))).observe({ type: 'longtask', buffered: true })
  })
  page.on('response', keep)
  await begin(page, url)
  page.off('response', keep)
  await session.send('Emulation.setCPUThrottlingRate', { rate: SLOWDOWN })
  const times = []
  for (let run = 0; run < RUNS; run++) times.push(await begin(page, url))
  await session.send('Emulation.setCPUThrottlingRate', { rate: 1 })
  await session.send('Network.setCacheDisabled', { cacheDisabled: false })
  await session.detach()
  return { script_kb: [...scripts.values()].reduce((sum, size) => sum + size, 0) / 1024, interactive_ms: median(times) }
}

/** Open the page; milliseconds until its messages and its composer are there and no long task is behind that. */
async function begin(page, url) {
  await page.goto('about:blank')
  await page.goto(url)
  return page.evaluate(
    (composer, row, quiet) =>
      new Promise((resolve) => {
        let drawn = 0
        const look = () => {
          if (drawn === 0 && document.querySelector(composer) !== null && document.querySelector(row) !== null) drawn = performance.now()
          const ready = Math.max(drawn, ...globalThis.longTasks)
          if (drawn > 0 && performance.now() - ready > quiet) resolve(ready)
          else requestAnimationFrame(look)
        }
        look()
      }),
    COMPOSER,
    ROW,
    QUIET_MS,
  )
}
