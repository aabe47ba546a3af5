import assert from 'node:assert/strict'
import { COMPOSER, marked, message, press, readsNot, reads, ready, say, write } from '../screen.mjs'

/** Two people: one sees that the other writes, is there, has got it, has read it; edit, reply, reaction, deletion; and that he left. */
export async function talk({ browser, world }) {
  const [clara, amir] = await Promise.all([browser.person(world.clara, { path: world.path }), browser.person(world.amir, { path: world.path })])
  await Promise.all([ready(clara.page), ready(amir.page)])

  await write(clara.page, 'On my ')
  await reads(amir.page, 'Clara Jensen is writing', 'main')
  await clara.page.keyboard.type('way')
  await clara.page.keyboard.press('Enter')
  await message(amir.page, 'On my way')
  await marked(clara.page, 'On my way', 'Read')
  await readsNot(amir.page, 'Clara Jensen is writing', 'main')
  await clara.page.waitForSelector('main [role=img][aria-label="Online"]')

  await (await message(amir.page, 'On my way')).focus()
  await amir.page.keyboard.press('r')
  await reads(amir.page, 'Reply to Clara Jensen')
  await say(amir.page, 'Good')
  const answer = await message(clara.page, 'Good')
  assert.equal(await answer.$$eval('button', (all) => all.some((one) => one.getAttribute('aria-label') === 'Answer to Clara Jensen: On my way')), true)

  await clara.page.focus(COMPOSER)
  await clara.page.keyboard.press('ArrowUp')
  await reads(clara.page, 'Edit message')
  await clara.page.keyboard.type(' now')
  await clara.page.keyboard.press('Enter')
  const edited = await message(amir.page, 'On my way now')
  assert.match(await edited.evaluate((one) => one.innerText), /edited/)

  await edited.focus()
  await amir.page.keyboard.press('Enter')
  await press(amir.page, 'React with 👍')
  await clara.page.waitForSelector('[aria-label="👍, Amir Haddad"]')

  await (await message(clara.page, 'On my way now')).focus()
  await clara.page.keyboard.press('Delete')
  await reads(amir.page, 'This message was deleted.')

  await amir.page.close()
  await clara.page.waitForSelector('main [role=img][aria-label^="Last seen"]')
}
