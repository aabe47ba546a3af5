/** The example of the SDK's README, in a page. */
import { afterEach, expect, it } from 'vitest'
import { embed } from '../example/embed'
import { FakeBrowser, until } from './fakes/browser'

const browser = new FakeBrowser()
afterEach(() => browser.close())

it('signs in, shows what is said, and says something', async () => {
  browser.server.person('ann')
  browser.server.person('bob')
  browser.server.talk('talk', 'ann', 'bob')
  browser.server.say('talk', 'bob', 'Good morning')
  const { parley } = browser.tab()
  const root = document.createElement('main')
  document.body.append(root)
  embed(root, parley)
  await parley.start()
  await new Promise((resolve) => requestAnimationFrame(resolve)) // who is there is drawn at the next frame
  const fill = (values: Record<string, string>): void => {
    for (const [name, value] of Object.entries(values)) root.querySelector<HTMLInputElement>(`input[name=${name}]`)!.value = value
    root.querySelector('form')!.requestSubmit()
  }
  fill({ email: 'ann', password: 'wrong' })
  await until(() => expect(root.textContent).toContain('unauthenticated'))
  fill({ email: 'ann', password: 'right' })
  await until(() => expect(root.querySelector('nav button')?.textContent).toBe('About talk (1)'))
  root.querySelector<HTMLElement>('nav button')!.click()
  await until(() => expect(root.querySelector('li')?.textContent).toBe('BOB Good morning '))
  fill({ body: 'And to you' })
  await until(() => expect(root.querySelectorAll('li')[1]?.textContent).toBe('You And to you ✓'))
  await until(() => expect(root.querySelector('[role=status]')?.textContent).toBe('live'))
  await until(() => expect(browser.server.talks.get('talk')!.marks.get('ann')?.read).toBe(3))
  await parley.signOut()
  await until(() => expect(root.querySelector('form')?.textContent).toBe('Sign in'))
})
