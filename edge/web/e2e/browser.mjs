/** Browsers for the end-to-end tests: one profile for each person, and a list of what no page may do. */
import process from 'node:process'
import puppeteer from 'puppeteer-core'

const FLAGS = ['--no-sandbox', '--disable-quic', '--disable-background-networking', '--disable-dev-shm-usage', '--mute-audio']
const PATIENCE = 20_000
export const WIDE = { width: 1280, height: 800 }
export const PHONE = { width: 390, height: 844, isMobile: true, hasTouch: true, deviceScaleFactor: 1 }

/** The browser at this path; its people each have cookies and storage of their own. */
export async function open({ base, chromium, libraries = '', engine = 'chrome' }) {
  const env = libraries === '' ? process.env : { ...process.env, LD_LIBRARY_PATH: libraries }
  const browser = await puppeteer.launch({ browser: engine, executablePath: chromium, args: engine === 'chrome' ? FLAGS : [], headless: true, env })
  /** What the pages did that they must not: policy violations, errors nobody caught, dialogs. */
  const faults = []
  const pages = new Set()

  /** A profile in which nobody has signed in, and its first tab. */
  async function stranger(viewport = WIDE) {
    const profile = await browser.createBrowserContext()
    return { profile, page: await tab(profile, viewport), tab: (its = viewport) => tab(profile, its) }
  }

  /** A person who has signed in, and looks at the page at `path`. */
  async function person([email, password], { path = '/', viewport = WIDE } = {}) {
    const one = await stranger(viewport)
    await one.page.goto(base + path)
    await signIn(one.page, email, password)
    return one
  }

  async function tab(profile, viewport) {
    const page = await profile.newPage()
    pages.add(page)
    page.once('close', () => pages.delete(page))
    page.setDefaultTimeout(PATIENCE)
    page.on('pageerror', (error) => faults.push(`error: ${error.stack ?? error.message}`))
    page.on('console', (message) => /Content Security Policy|Trusted ?Type/i.test(message.text()) && faults.push(`policy: ${message.text()}`))
    page.on('dialog', (dialog) => {
      faults.push(`dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    // Several pages at once, and each believes that somebody looks at it.
    if (engine === 'chrome') {
      const session = await page.createCDPSession()
      await session.send('Emulation.setFocusEmulationEnabled', { enabled: true })
    }
    await page.setViewport(viewport)
    return page
  }

  /** For the report of a scenario that failed: what every page shows. */
  async function pictures(folder) {
    let number = 0
    for (const page of pages) await page.screenshot({ path: `${folder}/${++number}.png` }).catch(() => undefined)
  }

  return { stranger, person, pictures, faults, version: () => browser.version(), close: () => browser.close() }
}

/** Fill in the form and wait until it is gone. */
export async function signIn(page, email, password) {
  await page.waitForSelector('input[type=email]')
  await page.type('input[type=email]', email)
  await page.type('input[type=password]', password)
  await page.keyboard.press('Enter')
  await page.waitForFunction(() => document.querySelector('input[type=email]') === null)
}
