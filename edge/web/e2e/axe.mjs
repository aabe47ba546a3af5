/** axe-core on a page: every rule of WCAG 2.2 AA and of good practice. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']

/** Fails with what is wrong; `what` says on which screen. */
export async function clean(page, what) {
  const session = await page.createCDPSession()
  await session.send('Runtime.evaluate', { expression: await readFile(AXE, 'utf8') })
  const found = await page.evaluate(async (rules) => {
    const { violations } = await globalThis.axe.run(document, { runOnly: rules })
    return violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ target, failureSummary }) => `${target} ${failureSummary}`).join('; ')}`)
  }, RULES)
  await session.detach()
  assert.deepEqual(found, [], what)
}
