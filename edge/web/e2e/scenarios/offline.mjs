import assert from 'node:assert/strict'
import { bodies, marked, message, reads, readsNot, ready, say } from '../screen.mjs'

const SENT = ['Sent', 'Delivered', 'Read']

/** Writes while the server is gone, closes the tab, comes back: all of it is sent, in order and once. */
export async function outbox({ browser, world, server }) {
  const [clara, amir] = await Promise.all([browser.person(world.clara, { path: world.path }), browser.person(world.amir, { path: world.path })])
  await Promise.all([ready(clara.page), ready(amir.page)])
  await say(clara.page, 'before')
  await marked(clara.page, 'before', ...SENT)
  await server('stop')
  const words = ['one', 'two', 'three']
  for (const word of words) await say(clara.page, word)
  await marked(clara.page, 'three', 'Waiting to be sent')
  await reads(clara.page, 'Reconnecting')
  const again = await clara.tab()
  await clara.page.close()
  await server('start')
  await again.goto(world.base + world.path)
  for (const word of words) await marked(again, word, ...SENT)
  await message(amir.page, 'three')
  assert.deepEqual((await bodies(amir.page)).filter((body) => words.includes(body)), words)
  await readsNot(again, 'Reconnecting')
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
