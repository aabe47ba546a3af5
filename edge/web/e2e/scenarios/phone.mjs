import assert from 'node:assert/strict'
import { PHONE } from '../browser.mjs'
import { COMPOSER, message, named, press, reads, ready, write } from '../screen.mjs'

/** On a phone: a swipe answers, a long press opens the menu, targets are 44 px, the keyboard never covers the composer. */
export async function phone({ browser, world }) {
  const clara = await browser.person(world.clara, { path: world.path, viewport: PHONE })
  const { page } = clara
  await ready(page)
  await write(page, 'swipe me')
  await press(page, 'Send')
  const row = await message(page, 'swipe me')
  const middle = async () => {
    const box = await row.boundingBox()
    return box.y + box.height / 2
  }
  const y = await middle()
  await swipe(page, y, [60, 80, 110, 140, 170])
  await reads(page, 'Reply to')
  // The bar above the composer has moved it up.
  const held = await page.touchscreen.touchStart(60, await middle())
  await page.waitForSelector('[role=menu]')
  await held.end()
  const small = await page.$$eval('[role=menuitem]', (all) => all.filter((one) => one.offsetHeight < 44 || one.offsetWidth < 44).map((one) => one.innerText))
  assert.deepEqual(small, [])
  await page.keyboard.press('Escape')

  // Where one reads from right to left it goes the other way, and nothing stands out of the screen.
  await press(page, 'Cancel the reply')
  await page.evaluate(() => (document.documentElement.dir = 'rtl'))
  await swipe(page, await middle(), [330, 310, 280, 250, 220])
  await reads(page, 'Reply to')
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth), false)
  await page.evaluate(() => (document.documentElement.dir = 'ltr'))

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

  await swipesBack(await clara.tab(PHONE), world)
}

/** From a conversation to the list by a swipe that begins at the edge, and into it again. */
async function swipesBack(page, world) {
  await page.goto(world.base + world.path)
  await ready(page)
  await swipe(page, 300, [6, 40, 120, 220, 300])
  await page.waitForFunction(() => location.pathname === '/')
  await named(page, 'Settings')
  await page.$eval(`nav a[href="${world.path}"]`, (link) => link.click())
  await ready(page)
}

/** A finger goes along these places of a line: sent at a stroke, since a finger that is held back by a busy machine is a long press. */
async function swipe(page, y, places) {
  const session = await page.createCDPSession()
  const send = (type, ...touchPoints) => session.send('Input.dispatchTouchEvent', { type, touchPoints })
  const [from, ...to] = places.map((x) => ({ x, y }))
  await Promise.all([send('touchStart', from), ...to.map((point) => send('touchMove', point)), send('touchEnd')])
  await session.detach()
}
