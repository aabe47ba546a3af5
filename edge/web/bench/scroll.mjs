import { FEED, ROW } from '../e2e/screen.mjs'
import { mean, quantile, traced } from './figures.mjs'

const FRAMES = 400
/** Pixels a frame: a notch of the wheel, sixty times a second. */
const STEP = 120
const LOAD_MS = 600_000

/** All messages of three conversations loaded, then scrolled: the main thread's work for each frame. */
export async function scroll({ page, world }) {
  const found = {}
  for (const name of Object.keys(world.lengths)) found[name] = await one(page, world, name)
  return {
    scroll_ten_ms: quantile(found.ten.frames, 0.95),
    scroll_ten_mean_ms: mean(found.ten.frames),
    scroll_ten_longest_ms: Math.max(...found.ten.tasks),
    scroll_hundred_ms: quantile(found.hundred.frames, 0.95),
    scroll_ratio: mean(found.hundred.frames) / mean(found.thousand.frames),
    load_hundred_s: found.hundred.seconds,
  }
}

async function one(page, world, name) {
  const began = performance.now()
  // The link to the first message: everything from there to the newest is loaded.
  await page.goto(`${world.base}/c/${world.conversations[name]}/2`)
  await page.waitForSelector(`${ROW}[aria-setsize="${world.lengths[name] + 1}"]`, { timeout: LOAD_MS })
  const seconds = (performance.now() - began) / 1000
  await page.waitForFunction((feed) => document.querySelector(feed).scrollTop < 2000, {}, FEED)
  const run = (frames) =>
    page.evaluate(
      (where, step, count) =>
        new Promise((resolve) => {
          const feed = document.querySelector(where)
          let left = count
          let way = 1
          const frame = () => {
            performance.mark('frame')
            // Where it ends it turns round, so that each frame has as much to do.
            if (feed.scrollTop + feed.clientHeight >= feed.scrollHeight - 1) way = -1
            else if (feed.scrollTop === 0) way = 1
            feed.scrollBy(0, way * step)
            if (--left > 0) requestAnimationFrame(frame)
            else resolve()
          }
          requestAnimationFrame(frame)
        }),
      FEED,
      STEP,
      frames,
    )
  await run(60)
  return { ...(await traced(page, () => run(FRAMES))), seconds }
}
