/** Every screen of the app at three widths and in both themes, as PNG files: the world as JSON on stdin. */
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { open } from './browser.mjs'
import { COMPOSER, ROW, named, press, ready, reads, write } from './screen.mjs'

const WIDTHS = { phone: { width: 390, height: 844, isMobile: true, hasTouch: true }, tablet: { width: 768, height: 1024 }, desk: { width: 1440, height: 900 } }
const THEMES = ['light', 'dark']
const world = JSON.parse(await text(process.stdin))

const lastRow = (page) => page.$$eval(ROW, (all) => all.at(-1).focus())
const inside = async (page) => {
  await page.goto(`${world.base}${world.path}`)
  await ready(page)
  await page.waitForSelector(ROW)
}
/** What is on each, by its file's name. */
const SCREENS = {
  list: async (page) => {
    await page.goto(world.base)
    await page.waitForSelector('nav a[href^="/c/"]')
  },
  conversation: inside,
  menu: async (page) => {
    await inside(page)
    await lastRow(page)
    await page.keyboard.press('Enter')
    await page.waitForSelector('[role=menu]')
  },
  emoji: async (page) => {
    await inside(page)
    await press(page, 'Emoji')
    await page.waitForSelector('[role=dialog] input')
  },
  answering: async (page) => {
    await inside(page)
    await lastRow(page)
    await page.keyboard.press('r')
    await reads(page, 'Reply to')
    await write(page, 'With **two** lines,\nthe second of which says `make run`')
  },
  members: async (page) => {
    await inside(page)
    await page.$eval('main button[aria-label^="Show members"]', (one) => one.click())
    await page.waitForSelector('aside[aria-label="Members"]')
  },
  starting: async (page) => {
    await page.goto(world.base)
    await press(page, 'Start a conversation')
    await page.waitForSelector('dialog[open] input')
  },
  settings: async (page) => {
    await page.goto(world.base)
    await press(page, 'Settings')
    await page.waitForSelector('dialog[open] input')
  },
  offline: async (page) => {
    await inside(page)
    await page.setOfflineMode(true)
    await page.evaluate(() => globalThis.hangUp())
    await reads(page, 'Reconnecting')
    await page.focus(COMPOSER)
    await page.keyboard.type('Kept')
    // On a phone Enter makes a new line.
    await press(page, 'Send')
    await page.waitForSelector('[role=img][aria-label="Waiting to be sent"]')
  },
  missing: async (page) => {
    await page.goto(`${world.base}/there/is/no/such/page`)
    await named(page, 'To the conversations')
  },
}

const browser = await open(world)
try {
  const stranger = await browser.stranger()
  await stranger.page.goto(`${world.base}/sign-in`)
  await stranger.page.waitForSelector('input[type=email]')
  await all(stranger.page, 'sign-in')
  const { page } = await browser.person(world.agent)
  // To be without a network leaves open sockets as they are: those are closed by hand.
  await page.evaluateOnNewDocument(() => {
    const sockets = new Set()
    globalThis.WebSocket = class extends WebSocket {
      constructor(...given) {
        super(...given)
        sockets.add(this)
      }
    }
    globalThis.hangUp = () => sockets.forEach((socket) => socket.close())
  })
  await page.waitForSelector('nav a[href^="/c/"]')
  world.path = await page.$eval('nav a[href^="/c/"]', (link) => link.getAttribute('href'))
  for (const [name, go] of Object.entries(SCREENS)) await all(page, name, go)
} finally {
  await browser.close()
}
process.exit(0)

/** One screen, six times. */
async function all(page, name, go = null) {
  for (const [width, viewport] of Object.entries(WIDTHS)) {
    await page.setViewport({ ...viewport, deviceScaleFactor: 1 })
    if (go !== null) await go(page)
    for (const theme of THEMES) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }, { name: 'prefers-reduced-motion', value: 'reduce' }])
      await page.evaluate(() => document.fonts.ready)
      await page.screenshot({ path: `${world.folder}/${name}-${width}-${theme}.png` })
    }
    await page.setOfflineMode(false)
  }
}
