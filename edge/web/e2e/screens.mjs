/** Every screen of the app at three widths and in both themes, as PNG files: the world as JSON on stdin. */
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { open, signIn } from './browser.mjs'
import { COMPOSER, ROW, marked, named, press, ready, reads, write } from './screen.mjs'

const WIDTHS = { phone: { width: 390, height: 844, isMobile: true, hasTouch: true }, tablet: { width: 768, height: 1024 }, desk: { width: 1440, height: 900 } }
const THEMES = ['light', 'dark']
const world = JSON.parse(await text(process.stdin))

const lastRow = (page) => page.$$eval(ROW, (all) => all.at(-1).focus())
const inside = async (page) => {
  await page.goto(`${world.base}${world.path}`)
  await ready(page)
  await page.waitForSelector(ROW)
  // What was begun for the picture before is kept, as it should be.
  await page.focus(COMPOSER)
  await page.keyboard.down('Control')
  await page.keyboard.press('a')
  await page.keyboard.up('Control')
  await page.keyboard.press('Backspace')
  await page.keyboard.press('Escape')
}
/** On a phone Enter makes a new line. */
const sent = async (page, text) => {
  await write(page, text)
  await press(page, 'Send')
}
/** A word of 300 letters, 40 lines, code that is too wide, and a list. */
const FULL = [
  'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft'.repeat(4).slice(0, 300),
  Array.from({ length: 40 }, (_, line) => `Plate ${line + 1}: sound`).join('\n'),
  `\`\`\`\n${'{"plate": 12, "state": "gone", "depth": 4.25} '.repeat(6)}\n\`\`\`\n\n1. one\n2. two\n   - and a half`,
]
/** What is on each, by its file's name. */
const SCREENS = {
  list: async (page) => {
    await page.goto(world.base)
    await page.waitForSelector('nav a[href^="/c/"]')
  },
  conversation: inside,
  menu: async (page) => {
    await inside(page)
    await lastRow(page)
    await page.keyboard.press('Enter')
    await page.waitForSelector('[role=menu]')
  },
  emoji: async (page) => {
    await inside(page)
    await press(page, 'Emoji')
    await page.waitForSelector('[role=dialog] input')
  },
  answering: async (page) => {
    await inside(page)
    await lastRow(page)
    await page.keyboard.press('r')
    await reads(page, 'Reply to')
    await write(page, 'With **two** lines,\nthe second of which says `make run`')
  },
  members: async (page) => {
    await inside(page)
    await page.$eval('main button[aria-label^="Show members"]', (one) => one.click())
    await page.waitForSelector('aside[aria-label="Members"]')
  },
  starting: async (page) => {
    await page.goto(world.base)
    await press(page, 'Start a conversation')
    await page.waitForSelector('dialog[open] input')
  },
  going: async (page) => {
    await page.goto(world.base)
    await press(page, 'Go to')
    await page.waitForSelector('[role=option]')
  },
  foreign: async (page) => {
    await page.goto(`${world.base}/c/5d3c8a44-21c7-5f6e-9a8b-3f0c2f1d7e10`)
    await reads(page, 'This conversation is not here')
  },
  settings: async (page) => {
    await page.goto(world.base)
    await press(page, 'Settings')
    await page.waitForSelector('dialog[open] input')
  },
  offline: async (page) => {
    await inside(page)
    await page.setOfflineMode(true)
    await page.evaluate(() => globalThis.hangUp())
    await reads(page, 'Reconnecting')
    await sent(page, 'Kept')
    await page.waitForSelector('[role=img][aria-label="Waiting to be sent"]')
  },
  'right-to-left': async (page) => {
    world.arabic ??= await talkOf(page, 'مراجعة مخططات الجسر', ['صباح الخير، وصلت المخططات الجديدة. هل يمكننا مراجعتها معا قبل اجتماع الخميس؟', 'שלום, הקובץ bridge-v2.pdf מצורף', 'Thank you, **Thursday at nine** suits me.'])
    await page.goto(`${world.base}/c/${world.arabic}`)
    await ready(page)
    await page.waitForSelector(`${ROW} strong`)
    await page.evaluate(() => (document.documentElement.dir = 'rtl'))
  },
  empty: async (page) => {
    world.empty ??= await talkOf(page, 'Guard rail delivery', [])
    await page.goto(`${world.base}/c/${world.empty}`)
    await reads(page, 'Nothing has been said here yet.')
  },
  full: async (page) => {
    world.full ??= await talkOf(page, 'Scour protection at pier 3: what the divers found, and which of the two repairs we should ask for before the winter', FULL)
    await page.goto(`${world.base}/c/${world.full}`)
    await ready(page)
    await page.waitForFunction((rows, count) => document.querySelectorAll(`${rows} .body`).length >= count, {}, ROW, 2)
  },
  'nothing-found': async (page) => {
    await page.goto(world.base)
    await page.waitForSelector('nav a[href^="/c/"]')
    await page.type('aside input[type=search]', 'viaduct')
    await reads(page, 'No conversation matches.')
  },
  delivered: async (page) => {
    world.delivered ??= await talkOf(page, 'Survey of the north abutment', [])
    await page.goto(`${world.base}/c/${world.delivered}`)
    await ready(page)
    if (world.told === undefined) await sent(page, 'The survey is booked for Monday.')
    world.told = true
    await marked(page, 'The survey is booked for Monday.', 'Delivered')
  },
  // Closed by somebody else while one wrote without a connection.
  refused: async (page) => {
    world.refused ??= await talkOf(page, 'Crane for the weekend', ['The crane can come on Saturday.'])
    await page.goto(`${world.base}/c/${world.refused}`)
    await page.waitForSelector(ROW)
    if (world.closed === undefined) {
      await ready(page)
      await page.setOfflineMode(true)
      await page.evaluate(() => globalThis.hangUp())
      await sent(page, 'Then we take it from seven.')
      await page.waitForSelector('[role=img][aria-label="Waiting to be sent"]')
      await world.colleague.evaluate((id) => fetch(`/api/v1/conversations/${id}`, { method: 'PATCH', headers: { 'Content-Type': 'application/json' }, body: '{"status":"closed"}' }), world.refused)
      await page.setOfflineMode(false)
      world.closed = true
    }
    await reads(page, 'the conversation is closed.')
  },
  files: async (page) => {
    await withFiles(page)
  },
  attaching: async (page) => {
    await withFiles(page)
    await (await page.waitForSelector('input[type=file][multiple]')).uploadFile(world.files.pdf)
    await reads(page, 'Uploaded')
  },
  preview: async (page) => {
    await withFiles(page)
    await press(page, 'Image photo.jpg')
    await page.waitForFunction(() => [...document.querySelectorAll('dialog img')].some((image) => image.complete && image.naturalWidth >= 600))
  },
  'files-panel': async (page) => {
    await withFiles(page)
    await press(page, 'Show files')
    await page.waitForSelector('aside [aria-label*="plan.pdf"]')
  },
  missing: async (page) => {
    await page.goto(`${world.base}/there/is/no/such/page`)
    await named(page, 'To the conversations')
  },
}

/** A conversation with a photo and a PDF, and one file that was blocked. */
async function withFiles(page) {
  world.filed ??= await talkOf(page, 'Photos of the east bearing', ['The photo and the plan are here.'])
  await page.goto(`${world.base}/c/${world.filed}`)
  await ready(page)
  if (world.sent === undefined) {
    for (const names of [['photo', 'pdf'], ['eicar']]) {
      await (await page.waitForSelector('input[type=file][multiple]')).uploadFile(...names.map((name) => world.files[name]))
      await page.focus(COMPOSER)
      await press(page, 'Send')
    }
    world.sent = true
  }
  await reads(page, 'Blocked: malware found')
  await page.waitForFunction(() => [...document.querySelectorAll('[role=feed] img')].some((image) => image.complete && image.naturalWidth > 0))
}

/** Begin a conversation with the client in which this was said; its id. */
const talkOf = (page, subject, said) =>
  page.evaluate(
    async (subject, said) => {
      const call = async (path, body) => {
        const headers = { 'Content-Type': 'application/json', 'Idempotency-Key': crypto.randomUUID() }
        return (await fetch(`/api/v1/${path}`, body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) })).json()
      }
      const [clara] = (await call('accounts?query=Clara')).items
      const { id } = await call('conversations', { subject, members: [clara.id] })
      for (const body of said) await call(`conversations/${id}/messages`, { body })
      return id
    },
    subject,
    said,
  )

const browser = await open(world)
try {
  const stranger = await browser.stranger()
  await stranger.page.goto(`${world.base}/sign-in`)
  await stranger.page.waitForSelector('input[type=email]')
  await all(stranger.page, 'sign-in')
  await all(stranger.page, 'sign-in-wrong', async (again) => {
    await again.reload()
    await again.waitForSelector('input[type=email]')
    await again.type('input[type=email]', world.agent[0])
    await again.type('input[type=password]', 'not this one')
    await again.keyboard.press('Enter')
    await again.waitForSelector('[role=alert]')
  })
  // The client is there, and looks at nothing; a colleague of the agent's does what is done elsewhere.
  await browser.person(world.client)
  world.colleague = (await browser.person(world.agent)).page
  const { page } = await browser.person(world.agent)
  // To be without a network leaves open sockets as they are: those are closed by hand.
  await page.evaluateOnNewDocument(() => {
    const sockets = new Set()
    globalThis.WebSocket = class extends WebSocket {
      constructor(...given) {
        super(...given)
        sockets.add(this)
      }
    }
    globalThis.hangUp = () => sockets.forEach((socket) => socket.close())
  })
  await page.waitForSelector('nav a[href^="/c/"]')
  world.path = await page.$eval('nav a[href^="/c/"]', (link) => link.getAttribute('href'))
  for (const [name, go] of Object.entries(SCREENS)) await all(page, name, go)
  const admin = await browser.person(world.admin, { path: '/admin/quarantine' })
  await all(admin.page, 'quarantine', (its) => reads(its, 'Release…'))
  await unanswered('loading', () => undefined, (late) => late.waitForSelector('main h2 i', { visible: true }))
  await unanswered('failed', (request) => request.abort(), async (late) => {
    await late.waitForSelector('main [role=alert]')
    await late.waitForFunction(() => document.querySelector('nav[aria-busy=true]') === null)
  })
} finally {
  await browser.close()
}
process.exit(0)

/** The app of somebody whose conversations are asked for in vain, with nothing stored. */
async function unanswered(name, answer, shown) {
  const { page } = await browser.stranger()
  await page.setRequestInterception(true)
  page.on('request', (request) => (new URL(request.url()).pathname.startsWith('/api/v1/conversations') ? answer(request) : request.continue()))
  await page.goto(`${world.base}${world.path}`)
  await signIn(page, ...world.agent)
  await all(page, name, async (again) => {
    await again.reload()
    await shown(again)
  })
  await page.close()
}

/** One screen, six times. */
async function all(page, name, go = null) {
  for (const [width, viewport] of Object.entries(WIDTHS)) {
    await page.setViewport({ ...viewport, deviceScaleFactor: 1 })
    if (go !== null) await go(page)
    for (const theme of THEMES) {
      await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }, { name: 'prefers-reduced-motion', value: 'reduce' }])
      await page.evaluate(() => Promise.all(['400', '600'].map((weight) => document.fonts.load(`${weight} 15px 'Inter Variable'`))))
      await page.screenshot({ path: `${world.folder}/${name}-${width}-${theme}.png` })
    }
    await page.setOfflineMode(false)
  }
}
