import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { FEED, message, press, reads, ready, say, write } from '../screen.mjs'

const CORPUS = new URL('../../tests/xss-corpus.json', import.meta.url)
const INERT = ['P', 'STRONG', 'EM', 'S', 'CODE', 'PRE', 'BLOCKQUOTE', 'UL', 'OL', 'LI', 'BR', 'HR', 'A', 'BDI', 'H1', 'H2', 'H3']

/** Every text of the corpus as a message, a subject and a project's name, and one who is called so: seen, and nothing happens. */
export async function hostile({ browser, world }) {
  const corpus = JSON.parse(await readFile(CORPUS, 'utf8')).filter((body) => !body.includes('\u0000'))
  const names = corpus.filter((body) => body.length <= 200 && !/[\p{Cc}]/u.test(body)).slice(0, 40)
  const [clara, amir] = await Promise.all([browser.person(world.clara, { path: world.path }), browser.person(world.amir, { path: world.path })])
  await Promise.all([ready(clara.page), ready(amir.page)])
  const refused = await amir.page.evaluate(
    async (bodies, subjects, conversation, mallory) => {
      const post = (path, body) => fetch(path, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })
      const wrong = []
      const joined = await fetch(`/api/v1/conversations/${conversation}/members/${mallory}`, { method: 'PUT' })
      if (!joined.ok) wrong.push(`${joined.status} joining`)
      for (const body of bodies) {
        const answer = await post(`/api/v1/conversations/${conversation}/messages`, { body })
        if (!answer.ok) wrong.push(`${answer.status} ${body}`)
      }
      for (const subject of subjects) {
        const made = await post('/api/v1/projects', { name: subject })
        const { id: project } = await made.json()
        const answer = made.ok ? await post('/api/v1/conversations', { subject, project, members: [] }) : made
        if (!answer.ok) wrong.push(`${answer.status} ${subject}: ${await answer.text()}`)
      }
      return wrong
    },
    corpus,
    names,
    world.conversation,
    world.malloryId,
  )
  assert.deepEqual(refused, [])
  const mallory = await browser.person(world.mallory, { path: world.path })
  await ready(mallory.page)
  await write(mallory.page, 'from one with such a name')
  await reads(amir.page, `${world.malloryName} is writing`, 'main')
  await mallory.page.keyboard.press('Enter')
  const hers = await message(amir.page, 'from one with such a name')
  assert.equal(await hers.evaluate((row, name) => row.getAttribute('aria-label').startsWith(`${name}, `), world.malloryName), true)
  assert.deepEqual(await amir.page.$$eval('img, main b', (all) => all.map((one) => one.outerHTML)), [])
  await say(clara.page, 'the last one')
  await message(amir.page, 'the last one')
  // From the end to the beginning of what was sent, so that every row is drawn once.
  for (let turn = 0; turn < corpus.length; turn++) {
    const bad = await amir.page.evaluate((feed, allowed) => {
      // Beside a block of code stands the app's own button: behind each the same, and nothing else.
      const ours = [...document.querySelectorAll(`${feed} .code`)].map((one) => [one, one.children[1], ...one.children[1].querySelectorAll('*')])
      const buttons = new Set(ours.map(([box, button]) => (box.children.length === 2 && box.children[0].tagName === 'PRE' ? button.outerHTML : box.outerHTML)))
      if (buttons.size > 1 || [...buttons].some((one) => /\son\w+=/.test(one))) return [...buttons]
      const known = new Set(ours.flat())
      const found = [...document.querySelectorAll(`${feed} div[dir=auto] *`)].filter((one) => !known.has(one)).filter((one) => !allowed.includes(one.tagName) || (one.tagName === 'A' && !/^(https?|mailto):/.test(one.href)))
      return found.map((one) => one.outerHTML)
    }, FEED, INERT)
    assert.deepEqual(bad, [])
    const end = await amir.page.evaluate((where) => {
      const feed = document.querySelector(where)
      const before = feed.scrollTop
      feed.scrollBy(0, -feed.clientHeight / 2)
      return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve(before < 1))))
    }, FEED)
    if (end) break
  }
  await amir.page.goto(world.base)
  const foreign = () => amir.page.$$eval('img, script:not([src^="/assets/"]), iframe, object, embed, svg [onload], [onerror], body style', (all) => all.map((one) => one.outerHTML))
  // Beside the subject stands the project, which is called the same.
  await amir.page.waitForFunction((name) => [...document.querySelectorAll('nav a')].some((one) => one.textContent.split(name).length > 2), {}, names.at(-1))
  assert.deepEqual(await foreign(), [])
  await press(amir.page, 'Start a conversation')
  await amir.page.waitForFunction((count) => document.querySelectorAll('dialog option').length > count, {}, 5)
  assert.deepEqual(await foreign(), [])
}

/** A page that asks for what the policy forbids: it does not get it, and the edge is told. */
export async function reported({ browser, world }) {
  const { page } = await browser.stranger()
  await page.goto(`${world.base}/sign-in`)
  await page.waitForSelector('input[type=email]')
  const told = page.waitForResponse((answer) => answer.url().endsWith('/api/v1/csp-reports'))
  const stopped = await page.evaluate(
    () =>
      new Promise((resolve) => {
        document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective))
        const image = new Image()
        image.src = 'http://127.0.0.1:9/foreign.png'
      }),
  )
  assert.equal(stopped, 'img-src')
  assert.equal((await told).status(), 204)
  assert.equal(browser.faults.length, 1)
  browser.faults.length = 0
}
