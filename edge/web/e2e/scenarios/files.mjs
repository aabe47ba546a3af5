import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { clean } from '../axe.mjs'
import { COMPOSER, message, named, press, reads, ready } from '../screen.mjs'

const CORPUS = new URL('../../tests/xss-corpus.json', import.meta.url)
const PICKER = 'input[type=file][multiple]'

/** A PDF and a photo are dropped, scanned, and looked at on the other side; malware is blocked, and lies in quarantine. */
export async function files({ browser, world }) {
  const [clara, amir] = await Promise.all([browser.person(world.clara, { path: world.path }), browser.person(world.amir, { path: world.path })])
  await Promise.all([ready(clara.page), ready(amir.page)])

  await drop(clara.page, world.files.pdf, 'application/pdf')
  await (await clara.page.waitForSelector(PICKER)).uploadFile(world.files.photo)
  await clara.page.focus(COMPOSER)
  await clara.page.keyboard.type('The east side')
  await clara.page.keyboard.press('Enter')
  const row = await message(amir.page, 'The east side')

  await amir.page.waitForFunction((one) => [...one.querySelectorAll('img')].some((image) => image.complete && image.naturalWidth > 0), {}, row)
  await press(amir.page, 'Image photo.jpg')
  await amir.page.waitForFunction(() => [...document.querySelectorAll('dialog img')].some((image) => image.complete && image.naturalWidth >= 600))
  await clean(amir.page, 'preview')
  await amir.page.keyboard.press('Escape')
  await amir.page.waitForFunction(() => document.querySelector('dialog[open]') === null)

  const tile = await amir.page.waitForSelector('[data-state=clean] button[aria-label^="Open plan.pdf"]')
  await tile.click()
  await amir.page.waitForFunction(drawn, {}, 'dialog canvas[data-page="1"]')
  await amir.page.keyboard.press('Escape')

  await (await clara.page.waitForSelector(PICKER)).uploadFile(world.files.eicar)
  await clara.page.focus(COMPOSER)
  await clara.page.keyboard.press('Enter')
  await reads(amir.page, 'Blocked: malware found')
  await reads(clara.page, 'Blocked: malware found')
  assert.equal(await amir.page.$('[aria-label="Download invoice.txt"]'), null)

  await press(amir.page, 'Show files')
  for (const name of ['plan.pdf', 'invoice.txt']) await amir.page.waitForSelector(`aside [aria-label*="${name}"]`)

  await clean(amir.page, 'messages with files, and their panel')

  const root = await browser.person(world.root, { path: '/admin/quarantine' })
  // A name stands in two parts, so that its ending is seen however narrow the page is.
  await root.page.waitForFunction(() => document.body.textContent.includes('invoice.txt'))
  await reads(root.page, 'Clara Jensen')
  await named(root.page, 'Release…')
  await clean(root.page, 'quarantine')

  // A name that would be markup is text, cleaned as the server cleans names.
  const corpus = JSON.parse(await readFile(CORPUS, 'utf8')).filter((name) => !/[\0\r\n]/.test(name)).slice(0, 40)
  const refused = await clara.page.evaluate(hostile, corpus, world.conversation)
  assert.deepEqual(refused, [])
  await clara.page.waitForFunction((count) => document.querySelectorAll('aside [data-state], [role=feed] [data-state]').length >= Math.min(count, 10), {}, corpus.length)
  const foreign = await clara.page.$$eval('img', (all) => all.map((one) => one.getAttribute('src')).filter((src) => !src.startsWith('/files/') && !src.startsWith('blob:')))
  assert.deepEqual(foreign, [])
}

/** Upload and send files with these names; what was not taken. In the page. */
async function hostile(names, conversation) {
  const wrong = []
  const ids = []
  for (const name of names) {
    const form = new FormData()
    form.append('file', new Blob(['Good morning']), `${name}.txt`)
    const answer = await fetch('/api/v1/files', { method: 'POST', body: form })
    if (answer.ok) ids.push((await answer.json()).id)
    else if (answer.status === 429) names.push(name)
    else wrong.push(`${answer.status} ${name} ${await answer.text()}`)
  }
  while (ids.length > 0) {
    const headers = { 'Content-Type': 'application/json' }
    const answer = await fetch(`/api/v1/conversations/${conversation}/messages`, { method: 'POST', headers, body: JSON.stringify({ attachments: ids.splice(0, 10) }) })
    if (!answer.ok) wrong.push(`${answer.status} ${await answer.text()}`)
  }
  return wrong
}

/** Let go of a file over the conversation, as a hand would. */
async function drop(page, path, type) {
  const data = (await readFile(path)).toString('base64')
  await page.evaluate(
    async (name, kind, content) => {
      const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))
      const dataTransfer = new DataTransfer()
      dataTransfer.items.add(new File([bytes], name, { type: kind }))
      const target = document.querySelector('[role=feed]')
      for (const event of ['dragenter', 'dragover', 'drop']) target.dispatchEvent(new DragEvent(event, { bubbles: true, cancelable: true, dataTransfer }))
    },
    basename(path),
    type,
    data,
  )
}

/** Is something on the canvas that is not white? In the page. */
function drawn(selector) {
  const canvas = document.querySelector(selector)
  if (canvas === null || canvas.width === 0) return false
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 0 && data[at] + data[at + 1] + data[at + 2] < 600) return true
  return false
}
