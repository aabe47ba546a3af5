import assert from 'node:assert/strict'
import { FEED, message, ready, reads, say } from '../screen.mjs'

const MESSAGES = 150

/** A link to an early message of a long conversation shows that message; a link to none says so. */
export async function link({ browser, world }) {
  const amir = await browser.person(world.amir, { path: world.path })
  await ready(amir.page)
  const refused = await amir.page.evaluate(
    async (conversation, count) => {
      const post = (number) => fetch(`/api/v1/conversations/${conversation}/messages`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ body: `number ${number}` }) })
      let wrong = 0
      for (let number = 2; number < count + 2; number++) if (!(await post(number)).ok) wrong++
      return wrong
    },
    world.conversation,
    MESSAGES,
  )
  assert.equal(refused, 0)
  const clara = await browser.person(world.clara, { path: `${world.path}/5` })
  await seen(clara.page, 'number 5')
  await say(clara.page, 'seen')
  await message(clara.page, 'seen')
  await clara.page.goto(`${world.base}${world.path}/4000`)
  await reads(clara.page, 'This message is not in the conversation any more.')
}

/** Wait until the message lies within what the feed shows. */
async function seen(page, text) {
  await page.waitForFunction(
    (feed, wanted) => {
      const box = document.querySelector(feed)?.getBoundingClientRect()
      const found = [...document.querySelectorAll(`${feed} article`)].find((row) => [...row.querySelectorAll('[dir=auto]')].some((part) => part.textContent.trim() === wanted))
      const at = found?.getBoundingClientRect()
      return at !== undefined && at.top >= box.top && at.bottom <= box.bottom
    },
    {},
    FEED,
    text,
  )
}
