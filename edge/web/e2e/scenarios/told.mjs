import assert from 'node:assert/strict'
import { signIn } from '../browser.mjs'
import { installed, message, named, press, reads, readsNot, ready, say } from '../screen.mjs'

/** A message for a conversation that is not in front is told in the page, in the title, and on the desktop once that is wanted. */
export async function told({ browser, world }) {
  const amir = await browser.person(world.amir, { path: world.path })
  const clara = await browser.stranger()
  await clara.profile.overridePermissions(world.base, ['notifications'])
  await clara.page.goto(world.base)
  await signIn(clara.page, ...world.clara)
  await ready(amir.page)
  await clara.page.waitForSelector('nav a')
  await say(amir.page, 'are you there?')
  await reads(clara.page, 'are you there?', '[role=log]')
  await clara.page.waitForFunction(() => document.title.startsWith('(1) ') && document.querySelector('link[rel=icon]').href.startsWith('data:'))

  await press(clara.page, 'Settings')
  const box = await named(clara.page, 'Show them on the desktop', 'label')
  await box.click()
  await clara.page.waitForFunction(() => localStorage.getItem('parley.desktop') === 'on')
  await clara.page.keyboard.press('Escape')
  await installed(clara.page)
  // She goes to another window.
  await clara.page.evaluate(() => {
    document.hasFocus = () => false
    window.dispatchEvent(new Event('blur'))
  })
  await say(amir.page, 'hello?')
  const shown = await clara.page.waitForFunction(async () => {
    const all = await (await navigator.serviceWorker.ready).getNotifications()
    return all.length > 0 && all.map(({ title, body, data }) => ({ title, body, path: data.path }))
  })
  assert.deepEqual(await shown.jsonValue(), [{ title: 'Amir Haddad', body: 'Harbour Bridge\nhello?', path: `${world.path}/3` }])

  await clara.page.evaluate(() => {
    delete document.hasFocus
    window.dispatchEvent(new Event('focus'))
  })
  await (await clara.page.waitForSelector('[role=log] a')).click()
  await message(clara.page, 'hello?')
  await readsNot(clara.page, 'hello?', '[role=log]')
  await clara.page.waitForFunction(() => document.title.startsWith('Harbour Bridge'))
}
