import { COMPOSER, FEED, ROW, write } from '../e2e/screen.mjs'
import { quantile } from './figures.mjs'

const MESSAGES = 40

/** From Enter to the frame after the message's row is there, and to its first tick. */
export async function own({ page, world }) {
  await page.goto(`${world.base}/c/${world.conversations.talk}`)
  await page.waitForSelector(ROW)
  await page.evaluate(
    (composer, feed, rows) => {
      globalThis.times = []
      let now = null
      document.addEventListener('keydown', (event) => {
        if (event.key === 'Enter') now = { text: document.querySelector(composer).value, began: event.timeStamp }
      }, true)
      new MutationObserver(() => {
        if (now === null) return
        const row = [...document.querySelectorAll(rows)].findLast((one) => one.textContent.includes(now.text))
        if (row === undefined) return
        const one = now
        if (one.drawn === undefined) {
          one.drawn = 0
          requestAnimationFrame(() => setTimeout(() => { one.drawn = performance.now() - one.began; if (one.acked !== undefined) globalThis.times.push(one) }))
        }
        if (one.acked === undefined && /, (Sent|Delivered|Read)$/.test(row.getAttribute('aria-label'))) {
          one.acked = performance.now() - one.began
          if (one.drawn > 0) globalThis.times.push(one)
        }
      }).observe(document.querySelector(feed), { subtree: true, childList: true, attributes: true, characterData: true })
    },
    COMPOSER,
    FEED,
    ROW,
  )
  for (let number = 1; number <= MESSAGES; number++) {
    await write(page, `own message ${number}.`)
    await page.keyboard.press('Enter')
    await page.waitForFunction((count) => globalThis.times.length >= count, {}, number)
  }
  const times = (await page.evaluate(() => globalThis.times)).slice(MESSAGES / 4)
  const of = (name, share) => quantile(times.map((one) => one[name]), share)
  return { drawn_ms: of('drawn', 0.95), drawn_p50_ms: of('drawn', 0.5), acked_ms: of('acked', 0.95), acked_p50_ms: of('acked', 0.5) }
}
