/**
 * One scenario against a running Parley: `node e2e/main.mjs NAME`, the world as JSON on the first line of stdin. What a
 * scenario wants of the server (`stop`, `start`) it says as a line of stdout, and waits for a line that it is done.
 * What went wrong stands on stderr, and the exit status tells.
 */
import assert from 'node:assert/strict'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { open } from './browser.mjs'
import { open as openWebKit } from './webkit.mjs'
import * as scenarios from './scenarios/index.mjs'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
const line = async () => (await lines.next()).value
const scenario = scenarios[process.argv[2]]
assert.ok(scenario !== undefined, `there is no scenario ${process.argv[2]}`)
const world = JSON.parse(await line())
const browser = await (world.engine === 'webkit' ? openWebKit : open)(world)
const server = async (wish) => {
  process.stdout.write(`${JSON.stringify({ server: wish })}\n`)
  await line()
}
let status = 0
try {
  await scenario({ browser, world, server })
  await browser.gather?.()
  assert.deepEqual(browser.faults, [])
} catch (fault) {
  status = 1
  process.stderr.write(`${fault.stack ?? fault}\n${browser.faults.join('\n')}\n`)
  await browser.pictures(world.pictures)
} finally {
  await browser.close()
}
process.exit(status)
