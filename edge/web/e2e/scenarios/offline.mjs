import assert from 'node:assert/strict'
import { bodies, COMPOSER, installed, marked, message, press, reads, readsNot, ready, say, write } from '../screen.mjs'

const SENT = ['Sent', 'Delivered', 'Read']

/** Writes while the server is gone, closes the tab, opens the app anew without it, writes on: all of it is sent, in order and once. */
export async function outbox({ browser, world, server }) {
  const [clara, amir] = await Promise.all([browser.person(world.clara, { path: world.path }), browser.person(world.amir, { path: world.path })])
  await Promise.all([ready(clara.page), ready(amir.page)])
  await say(clara.page, 'before')
  await marked(clara.page, 'before', ...SENT)
  await installed(clara.page)
  await server('stop')
  const words = ['one', 'two', 'three']
  for (const word of words) await say(clara.page, word)
  await marked(clara.page, 'three', 'Waiting to be sent')
  await reads(clara.page, 'Reconnecting')
  await clara.page.close()
  const again = await clara.tab()
  await again.goto(`${world.base}/`)
  await (await again.waitForSelector(`nav a[href="${world.path}"]`)).click()
  await message(again, 'before')
  for (const word of words) await marked(again, word, 'Waiting to be sent')
  await say(again, 'four')
  await marked(again, 'four', 'Waiting to be sent')
  await server('start')
  const all = [...words, 'four']
  for (const word of all) await marked(again, word, ...SENT)
  await message(amir.page, 'four')
  assert.deepEqual((await bodies(amir.page)).filter((body) => all.includes(body)), all)
  await readsNot(again, 'Reconnecting')
}

/** Another version is on the server: the page says so, whoever writes is not interrupted, and it is there when they want it. */
export async function updated({ browser, world, server }) {
  const { page } = await browser.person(world.clara, { path: world.path })
  await ready(page)
  await installed(page)
  await server('renew')
  await write(page, 'half a thou')
  // As browsers do by themselves when a page is opened.
  await page.evaluate(async () => void (await (await navigator.serviceWorker.ready).update()))
  await reads(page, 'A new version of Parley is here')
  await page.keyboard.type('ght')
  assert.equal(await page.$eval(COMPOSER, (field) => field.value), 'half a thought')
  await Promise.all([page.waitForNavigation(), press(page, 'Reload')])
  await page.waitForFunction((composer) => document.querySelector(composer)?.value === 'half a thought', {}, COMPOSER)
  assert.equal((await page.evaluate(() => caches.keys())).length, 2, 'the version before is kept for pages of it')
  assert.equal(await page.evaluate(async () => (await (await fetch('/index.html')).text()).includes('newer')), true)
  await readsNot(page, 'A new version of Parley is here')
}

/** The edge is killed under an open conversation: the page says so, keeps what is written, and mends itself. */
export async function killed({ browser, world, server }) {
  const [clara, amir] = await Promise.all([browser.person(world.clara, { path: world.path }), browser.person(world.amir, { path: world.path })])
  await Promise.all([ready(clara.page), ready(amir.page)])
  await say(clara.page, 'still here')
  await message(amir.page, 'still here')
  await server('kill')
  await say(clara.page, 'kept')
  await say(amir.page, 'kept, too')
  await reads(clara.page, 'Reconnecting')
  await server('start')
  await marked(clara.page, 'kept', ...SENT)
  await message(clara.page, 'kept, too')
  await message(amir.page, 'kept')
  await readsNot(clara.page, 'Reconnecting')
  for (const page of [clara.page, amir.page]) {
    const seen = await bodies(page)
    assert.equal(seen.filter((body) => body === 'kept').length, 1)
    assert.equal(seen.filter((body) => body === 'kept, too').length, 1)
  }
}

/** Two tabs of one person show the same; what one sends is in the other, and once; one closes and the other goes on. */
export async function tabs({ browser, world }) {
  const clara = await browser.person(world.clara, { path: world.path })
  await ready(clara.page)
  const second = await clara.tab()
  await second.goto(world.base + world.path)
  await ready(second)
  await say(clara.page, 'from the first')
  await marked(second, 'from the first', ...SENT)
  await say(second, 'from the second')
  await marked(clara.page, 'from the second', ...SENT)
  await clara.page.close()
  await say(second, 'alone')
  await marked(second, 'alone', ...SENT)
  assert.deepEqual(await bodies(second), ['from the first', 'from the second', 'alone'])
}
