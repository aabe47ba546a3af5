import assert from 'node:assert/strict'
import { clean } from '../axe.mjs'
import { COMPOSER, FEED, ROW, marked, message, press, reads, ready, say } from '../screen.mjs'

/** No violation of the rules of accessibility on any screen, in either theme. */
export async function accessible({ browser, world }) {
  const entrance = await browser.stranger()
  await entrance.page.goto(`${world.base}/sign-in`)
  await entrance.page.waitForSelector('input[type=email]')
  const { page } = await browser.person(world.clara, { path: world.path })
  await ready(page)
  await say(page, 'Some **bold** words, `code` and a [link](https://parley.example)')
  await page.waitForSelector(`${ROW} strong`)
  for (const theme of ['light', 'dark']) {
    const features = [{ name: 'prefers-color-scheme', value: theme }, { name: 'prefers-reduced-motion', value: 'reduce' }]
    await Promise.all([page.emulateMediaFeatures(features), entrance.page.emulateMediaFeatures(features)])
    await clean(entrance.page, `sign-in, ${theme}`)
    await clean(page, `conversation, ${theme}`)
    await page.$$eval(ROW, (all) => all.at(-1).focus())
    await page.keyboard.press('Enter')
    await page.waitForSelector('[role=menu]')
    await clean(page, `menu, ${theme}`)
    await page.keyboard.press('Escape')
    await page.waitForFunction(() => document.querySelector('[role=menu]') === null)
    for (const dialog of ['Start a conversation', 'Go to', 'Settings']) {
      await press(page, dialog)
      await page.waitForSelector('dialog[open] input')
      await clean(page, `${dialog}, ${theme}`)
      await page.keyboard.press('Escape')
      await page.waitForFunction(() => document.querySelector('dialog[open]') === null)
    }
    await page.$eval('main button[aria-label^="Show members"]', (one) => one.click())
    await page.waitForSelector('aside[aria-label="Members"]')
    await clean(page, `members, ${theme}`)
    await page.$eval('aside[aria-label="Members"] button[aria-label="Close"]', (one) => one.click())
  }
  // Over the page the members take the focus, hold it, and give it back.
  await page.setViewport({ width: 768, height: 900 })
  const members = 'main button[aria-label^="Show members"]'
  await page.focus(members)
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => document.querySelector('aside[aria-label="Members"]')?.contains(document.activeElement))
  for (let presses = 0; presses < 12; presses++) {
    await page.keyboard.press('Tab')
    assert.equal(await page.evaluate(() => document.activeElement?.closest('main, .rail, .list') === null), true, 'the focus left the members')
  }
  await clean(page, 'members over the page')
  await page.focus('aside[aria-label="Members"] button[aria-label="Close"]')
  await page.keyboard.press('Escape')
  await page.waitForFunction((where) => document.activeElement?.matches(where) === true && document.querySelector('aside[aria-label="Members"]') === null, {}, members)
  // The key that opens the palette closes it; back in the list, the focus is on the row of what was open.
  for (const there of [true, false]) {
    await page.keyboard.down('Control')
    await page.keyboard.press('k')
    await page.keyboard.up('Control')
    await page.waitForFunction((open) => (document.querySelector('dialog[open]') !== null) === open, {}, there)
  }
  await page.focus('a.back')
  await page.keyboard.press('Enter')
  await page.waitForFunction((path) => document.activeElement?.matches(`.list a[href$="${path}"]`) === true, {}, world.path)
}

/** Without a pointer: from the form to the conversation in the list, a message, a reply, an edit, and back again. */
export async function keyboard({ browser, world }) {
  const { page } = await browser.person(world.clara)
  await tabTo(page, `a[href$="${world.path}"]`)
  await page.keyboard.press('Enter')
  await ready(page)
  await tabTo(page, COMPOSER)
  await page.keyboard.type('first')
  await page.keyboard.press('Enter')
  await marked(page, 'first', 'Sent', 'Delivered', 'Read')
  assert.equal(await page.evaluate((composer) => document.activeElement === document.querySelector(composer), COMPOSER), true, 'the composer has lost the focus')
  await page.keyboard.press('ArrowUp')
  await reads(page, 'Edit message')
  await page.keyboard.press('End')
  await page.keyboard.type(' and edited')
  await page.keyboard.press('Enter')
  await message(page, 'first and edited')
  await page.keyboard.down('Shift')
  for (let turn = 0; turn < 20 && !(await page.evaluate((feed) => document.querySelector(feed).contains(document.activeElement), FEED)); turn++) await page.keyboard.press('Tab')
  await page.keyboard.up('Shift')
  await page.keyboard.press('End')
  await page.keyboard.press('r')
  await page.keyboard.type('an answer')
  await page.keyboard.press('Enter')
  await marked(page, 'an answer', 'Sent', 'Delivered', 'Read')
}

/** Press Tab until this has the focus, and see that it shows. */
async function tabTo(page, selector) {
  await page.waitForSelector(selector)
  for (let turn = 0; turn < 60; turn++) {
    if (await page.evaluate((wanted) => document.activeElement === document.querySelector(wanted), selector)) return
    await page.keyboard.press('Tab')
  }
  assert.fail(`Tab does not reach ${selector}`)
}
