import assert from 'node:assert/strict'
import { PHONE } from '../browser.mjs'
import { COMPOSER, message, press, reads, ready, write } from '../screen.mjs'

/** On a phone: a swipe answers, a long press opens the menu, targets are 44 px, the keyboard never covers the composer. */
export async function phone({ browser, world }) {
  const { page } = await browser.person(world.clara, { path: world.path, viewport: PHONE })
  await ready(page)
  await write(page, 'swipe me')
  await press(page, 'Send')
  const row = await message(page, 'swipe me')
  const middle = async () => {
    const box = await row.boundingBox()
    return box.y + box.height / 2
  }
  const y = await middle()
  const touch = await page.touchscreen.touchStart(60, y)
  for (const x of [80, 110, 140, 170]) await touch.move(x, y)
  await touch.end()
  await reads(page, 'Reply to')
  // The bar above the composer has moved it up.
  const held = await page.touchscreen.touchStart(60, await middle())
  await page.waitForSelector('[role=menu]')
  await held.end()
  const small = await page.$$eval('[role=menuitem]', (all) => all.filter((one) => one.offsetHeight < 44 || one.offsetWidth < 44).map((one) => one.innerText))
  assert.deepEqual(small, [])
  await page.keyboard.press('Escape')

  await page.evaluate(() => {
    const viewport = window.visualViewport
    Object.defineProperty(viewport, 'height', { configurable: true, value: Math.round(window.innerHeight * 0.45) })
    viewport.dispatchEvent(new Event('resize'))
  })
  await page.waitForFunction((composer) => {
    const { bottom, top } = document.querySelector(composer).parentElement.getBoundingClientRect()
    return top >= 0 && bottom <= window.visualViewport.height
  }, {}, COMPOSER)
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth), false)
}
