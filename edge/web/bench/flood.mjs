import { ROW } from '../e2e/screen.mjs'
import { quantile, traced } from './figures.mjs'

/** What the main thread does while the open conversation gets 200 messages a second. */
export async function flood({ page, world, ask }) {
  await page.goto(`${world.base}/c/${world.conversations.talk}`)
  await page.waitForSelector(ROW)
  await page.evaluate(() => {
    const frame = () => {
      performance.mark('frame')
      requestAnimationFrame(frame)
    }
    frame()
  })
  const { frames, tasks } = await traced(page, () => ask({ flood: world.conversations.talk }))
  return { flood_longest_ms: Math.max(...tasks), flood_ms: quantile(frames, 0.95) }
}
