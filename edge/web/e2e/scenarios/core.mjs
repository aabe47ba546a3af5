import { COMPOSER, marked, message, press, reads, ready, say } from '../screen.mjs'

/** What must work in every engine: sign in, talk, see it read, edit, find it again after a reload, sign out. */
export async function core({ browser, world }) {
  const clara = await browser.person(world.clara, { path: world.path })
  const amir = await browser.person(world.amir, { path: world.path })
  await Promise.all([ready(clara.page), ready(amir.page)])
  await say(clara.page, 'hello from here')
  await message(amir.page, 'hello from here')
  await say(amir.page, 'hello from there')
  await message(clara.page, 'hello from there')
  await clara.page.focus(COMPOSER)
  await clara.page.keyboard.press('ArrowUp')
  await reads(clara.page, 'Edit message')
  await clara.page.keyboard.type(', edited')
  await clara.page.keyboard.press('Enter')
  await message(amir.page, 'hello from here, edited')
  await clara.page.reload()
  await marked(clara.page, 'hello from here, edited', 'Sent', 'Delivered', 'Read')
  await clara.page.goto(world.base)
  await press(clara.page, 'Settings')
  await press(clara.page, 'Sign out')
  await clara.page.waitForSelector('input[type=email]')
}
