/**
 * The browser's part of `make bench-web` (bench/web.py): the world as JSON on the first line of stdin, figures as lines
 * of stdout, `{"flood": conversation}` asks for messages and waits for a line that all of them are sent.
 */
import process from 'node:process'
import { createInterface } from 'node:readline'
import { open } from '../e2e/browser.mjs'
import { flood } from './flood.mjs'
import { load } from './load.mjs'
import { own } from './own.mjs'
import { scroll } from './scroll.mjs'

const MEASURES = { load, own, scroll, flood }
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const line = async () => (await lines.next()).value
const world = JSON.parse(await line())
const say = (words) => process.stdout.write(`${JSON.stringify(words)}\n`)
const ask = async (words) => {
  say(words)
  await line()
}
const browser = await open(world)
try {
  const { page } = await browser.person(world.reader)
  for (const part of world.parts) say({ figures: await MEASURES[part]({ page, world, ask }) })
} finally {
  await browser.close()
}
process.exit(0)
