/** The scene of most tests of the SDK: Ann and Bob talk, Eve is there, too. Importing it sets it anew before each test. */
import { afterEach, beforeEach } from 'vitest'
import type { OpenConversation } from '../../src/sdk'
import { FakeBrowser, live, type Tab } from './browser'

export let browser: FakeBrowser

beforeEach(() => {
  browser = new FakeBrowser()
  for (const id of ['ann', 'bob', 'eve']) browser.server.person(id)
  browser.server.talk('talk', 'ann', 'bob')
})
afterEach(() => browser.close())

/** A tab in which Ann is signed in, with a conversation on screen. */
export async function ann(): Promise<{ tab: Tab; open: OpenConversation }> {
  browser.server.cookie = 'ann'
  const tab = await live(browser.tab())
  const open = tab.parley.open('talk')
  await open.ready
  return { tab, open }
}
