/** What is on a page, found as a person finds it: by what it is and how it is called, never by a class. */

export const COMPOSER = 'textarea[aria-label="Write a message"]'
export const FEED = '[role=feed]'
/** Rows of the feed; each is named “who, when, what became of it”. */
export const ROW = `${FEED} article`

/** Wait for the composer of the open conversation. */
export async function ready(page) {
  await page.waitForSelector(COMPOSER)
}

/** Write into the composer as a person does: keys, and Shift-Enter between lines. */
export async function write(page, text) {
  await page.focus(COMPOSER)
  for (const [index, line] of text.split('\n').entries()) {
    if (index > 0) {
      await page.keyboard.down('Shift')
      await page.keyboard.press('Enter')
      await page.keyboard.up('Shift')
    }
    await page.keyboard.type(line)
  }
}

export async function say(page, text) {
  await write(page, text)
  await page.keyboard.press('Enter')
}

/** Wait until a message with exactly this text is on screen; its row. */
export async function message(page, text) {
  const row = await page.waitForFunction(
    (rows, wanted) => [...document.querySelectorAll(rows)].find((one) => [...one.querySelectorAll('[dir=auto]')].some((part) => part.textContent.trim() === wanted)) ?? false,
    {},
    ROW,
    text,
  )
  return row.asElement()
}

/** Wait until the message with this text is called one of these: Waiting to be sent, Sent, Delivered, Read. */
export async function marked(page, text, ...states) {
  await page.waitForFunction(
    (rows, wanted, any) =>
      [...document.querySelectorAll(rows)].some(
        (one) => [...one.querySelectorAll('[dir=auto]')].some((part) => part.textContent.trim() === wanted) && any.some((state) => one.getAttribute('aria-label').endsWith(`, ${state}`)),
      ),
    {},
    ROW,
    text,
    states,
  )
}

/** Wait until the page shows this text to a person. */
export async function reads(page, text, within = 'body') {
  await page.waitForFunction((where, wanted) => [...document.querySelectorAll(where)].some((one) => one.innerText.includes(wanted)), {}, within, text)
}

/** Wait until it does not any more. */
export async function readsNot(page, text, within = 'body') {
  await page.waitForFunction((where, wanted) => ![...document.querySelectorAll(where)].some((one) => one.innerText.includes(wanted)), {}, within, text)
}

/** Wait for a button (or link, or item of a menu) of this name that can be seen; it. */
export async function named(page, name, what = 'button, a, [role=menuitem], [role=button], [role=switch], [role=tab]') {
  const found = await page.waitForFunction(
    (kinds, wanted) =>
      [...document.querySelectorAll(kinds)].find((one) => {
        const called = (one.getAttribute('aria-label') ?? one.innerText).trim()
        return (called === wanted || called.split('\n')[0].trim() === wanted) && one.checkVisibility() && !one.disabled
      }) ?? false,
    {},
    what,
    name,
  )
  return found.asElement()
}

/** Click what is called so. */
export async function press(page, name, what) {
  const found = await named(page, name, what)
  await found.evaluate((one) => one.click())
}

/** The texts of all messages on screen, in order. */
export function bodies(page) {
  return page.$$eval(`${ROW} div[dir=auto]`, (all) => all.map((one) => one.textContent.trim()))
}

/** Wait until the worker has kept the app, and answers this page. */
export async function installed(page) {
  await page.waitForFunction(() => navigator.serviceWorker.controller?.state === 'activated')
}
