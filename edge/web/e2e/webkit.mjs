/**
 * The same as browser.mjs for WebKitGTK, over W3C WebDriver: as much of a page as the scenario `core` asks for. Each person
 * has a driver, a display and thereby a profile of their own; one driver drives one browser.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import process from 'node:process'
import { setTimeout as later } from 'node:timers/promises'
import { signIn } from './browser.mjs'

const PATIENCE = 20_000
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'
/** Keys that have no character: https://www.w3.org/TR/webdriver2/#keyboard-actions */
const KEYS = { Enter: '\uE007', Shift: '\uE008', Escape: '\uE00C', ArrowUp: '\uE013', ArrowDown: '\uE015' }

export async function open({ base, display = 'Xvfb', driver = 'WebKitWebDriver' }) {
  /** What the pages did that they must not, gathered when they are left. */
  const faults = []
  const pages = []

  async function person([email, password], { path = '/' } = {}) {
    const page = await begin(display, driver)
    pages.push(page)
    await page.goto(base + path)
    await signIn(page, email, password)
    return { page }
  }

  async function pictures(folder) {
    for (const [index, page] of pages.entries()) await writeFile(`${folder}/${index + 1}.png`, await page.picture()).catch(() => undefined)
  }

  async function close() {
    for (const page of pages) await page.end()
  }

  /** To be awaited before `faults` is looked at: WebDriver tells of them only when asked. */
  async function gather() {
    for (const page of pages) faults.push(...(await page.faults()))
  }

  return { person, pictures, gather, faults, close }
}

/** A display, a driver on it and a browser with one empty page. */
async function begin(display, driver) {
  // The display says by itself which number was free.
  const screen = spawn(display, ['-displayfd', '1', '-screen', '0', '1280x900x24', '-nolisten', 'tcp'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const [number] = await once(screen.stdout, 'data')
  const port = await freePort()
  const process_ = spawn(driver, [`--port=${port}`], { stdio: 'ignore', env: { ...process.env, DISPLAY: `:${String(number).trim()}` } })
  const end = () => {
    process_.kill()
    screen.kill()
  }
  process.once('exit', end)
  const until = Date.now() + PATIENCE
  for (;;) {
    try {
      const { sessionId } = await ask(port, 'POST', '/session', { capabilities: { alwaysMatch: {} } })
      return new Page(port, sessionId, end)
    } catch (fault) {
      // It does not listen at once.
      if (Date.now() > until) throw fault
      await later(100)
    }
  }
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

async function ask(port, method, path, body) {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { method, body: body === undefined ? null : JSON.stringify(body) })
  const { value } = await answer.json()
  if (!answer.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`)
  return value
}

/** The part of puppeteer's page that the scenario and screen.mjs use. */
class Page {
  keyboard = { press: (key) => this.#keys('keyDown', 'keyUp')(key), down: (key) => this.#keys('keyDown')(key), up: (key) => this.#keys('keyUp')(key), type: (text) => this.#type(text) }
  #port
  #session
  #end
  #faults = []

  constructor(port, session, end) {
    this.#port = port
    this.#session = session
    this.#end = end
  }

  async goto(url) {
    await this.#leave()
    await this.#ask('POST', '/url', { url })
    await this.#watch()
  }

  async reload() {
    await this.#leave()
    await this.#ask('POST', '/refresh', {})
    await this.#watch()
  }

  async evaluate(script, ...given) {
    return this.#wrapped(await this.#ask('POST', '/execute/sync', { script: `return (${script}).apply(null, arguments)`, args: given.map((one) => (one instanceof Element ? one.reference : one)) }))
  }

  async waitForFunction(script, _options, ...given) {
    const until = Date.now() + PATIENCE
    for (;;) {
      // While another page is coming, nothing can be asked.
      const [found, fault] = await this.evaluate(script, ...given).then((value) => [value], (caught) => [undefined, caught])
      if (found) return found
      if (Date.now() > until) throw new Error(`waited in vain for ${script} with ${JSON.stringify(given)}`, { cause: fault })
      await later(50)
    }
  }

  waitForSelector(selector) {
    return this.waitForFunction((wanted) => document.querySelector(wanted), {}, selector)
  }

  async focus(selector) {
    await this.evaluate((wanted) => document.querySelector(wanted).focus(), selector)
  }

  async type(selector, text) {
    await this.focus(selector)
    await this.#type(text)
  }

  async picture() {
    return Buffer.from(await this.#ask('GET', '/screenshot'), 'base64')
  }

  /** Errors nobody caught, and what the policy has stopped. */
  async faults() {
    await this.#leave()
    return this.#faults
  }

  async end() {
    // The driver ends the browser, which would outlive it.
    await this.#ask('DELETE', '').catch(() => undefined)
    this.#end()
  }

  async #watch() {
    await this.evaluate(() => {
      window.faults = []
      // WebKit calls it an error that what is measured within a frame may wait for the next one.
      addEventListener('error', ({ message, error }) => message.startsWith('ResizeObserver loop') || window.faults.push(`error: ${error?.stack ?? message}`))
      addEventListener('unhandledrejection', ({ reason }) => window.faults.push(`error: ${reason?.stack ?? reason}`))
      addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI }) => window.faults.push(`policy: ${violatedDirective} ${blockedURI}`))
    })
  }

  async #leave() {
    this.#faults.push(...(await this.evaluate(() => (window.faults ?? []).splice(0))))
  }

  #keys(...kinds) {
    return (key) => this.#perform(kinds.map((type) => ({ type, value: KEYS[key] ?? key })))
  }

  #type(text) {
    return this.#perform([...text].flatMap((value) => [{ type: 'keyDown', value }, { type: 'keyUp', value }]))
  }

  #perform(actions) {
    return this.#ask('POST', '/actions', { actions: [{ type: 'key', id: 'keyboard', actions }] })
  }

  #wrapped(value) {
    return value?.[ELEMENT] === undefined ? value : new Element(this, value)
  }

  #ask(method, path, body) {
    return ask(this.#port, method, `/session/${this.#session}${path}`, body)
  }
}

class Element {
  #page

  constructor(page, reference) {
    this.#page = page
    this.reference = reference
  }

  asElement() {
    return this
  }

  evaluate(script, ...given) {
    return this.#page.evaluate(script, this, ...given)
  }
}
