import { setTimeout as later } from 'node:timers/promises'
import { FEED, ROW } from '../e2e/screen.mjs'
import { mean, quantile, traced } from './figures.mjs'

/** As fast as a wheel turned by an impatient finger: 120 pixels a frame, which is two or three messages. */
const SPEED = 7200
const WAY = 24_000
const LOAD_MS = 600_000
/** So long the list holds on to the row that was jumped to, until all that is in view is measured. */
const HOLD_MS = 500

/** All messages of three conversations loaded, then scrolled down and up: the main thread's work for each frame. */
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
  await later(HOLD_MS)
  await page.evaluate(() => {
    const frame = () => {
      performance.mark('frame')
      requestAnimationFrame(frame)
    }
    frame()
  })
  const box = await (await page.$(FEED)).boundingBox()
  const session = await page.createCDPSession()
  // The browser's own scrolling, so that the page does what it would under a hand.
  const turn = (distance) =>
    session.send('Input.synthesizeScrollGesture', { x: box.x + box.width / 2, y: box.y + box.height / 2, yDistance: distance, speed: SPEED, gestureSourceType: 'mouse', preventFling: true })
  await turn(-WAY / 8)
  const measured = await traced(page, async () => {
    await turn(-WAY)
    await turn(WAY)
  })
  const moved = await page.$eval(FEED, (feed) => feed.scrollTop)
  if (moved < 1 || moved > WAY) throw new Error(`the list stands at ${moved}: it was not scrolled`)
  await session.detach()
  return { ...measured, seconds }
}
