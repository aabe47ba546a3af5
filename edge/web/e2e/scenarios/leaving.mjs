import assert from 'node:assert/strict'
import { signIn } from '../browser.mjs'
import { marked, press, ready, say } from '../screen.mjs'

/** Signs out: nothing of that account is left in this browser, and the next person sees none of it. */
export async function leaving({ browser, world }) {
  const clara = await browser.person(world.clara, { path: world.path })
  const { page } = clara
  await ready(page)
  await say(page, 'nobody else may see this')
  await marked(page, 'nobody else may see this', 'Sent', 'Delivered', 'Read')
  const kept = await page.evaluate(() => document.cookie)
  assert.equal(kept, '', 'a script can read a cookie')
  await page.goto(world.base)
  await press(page, 'Settings')
  await press(page, 'Sign out')
  await page.waitForSelector('input[type=email]')
  assert.deepEqual((await page.browserContext().cookies()).map((cookie) => cookie.name), [])
  const left = await page.evaluate(async () => {
    const found = []
    for (const { name } of await indexedDB.databases()) {
      const database = await new Promise((resolve, reject) => {
        const asked = indexedDB.open(name)
        asked.onsuccess = () => resolve(asked.result)
        asked.onerror = () => reject(asked.error)
      })
      for (const store of database.objectStoreNames) {
        const values = await new Promise((resolve) => {
          const asked = database.transaction(store).objectStore(store).getAll()
          asked.onsuccess = () => resolve(asked.result)
        })
        found.push(...values.map((value) => `${name} ${store} ${JSON.stringify(value)}`))
      }
      database.close()
    }
    for (const name of await caches.keys()) {
      for (const { url } of await (await caches.open(name)).keys()) if (new URL(url).pathname.startsWith('/api/')) found.push(`cache ${name} ${url}`)
    }
    return found
  })
  assert.deepEqual(left, [])
  await signIn(page, ...world.eve)
  await page.waitForSelector('nav')
  assert.equal(await page.evaluate(() => document.body.innerText.includes('nobody else may see this')), false)
}
