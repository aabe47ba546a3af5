/**
 * Parley in a page of one's own, without any framework: sign in, see the conversations, read one, write in it.
 *
 * Everything is drawn from observables: subscribe, and draw again at the next frame, however much has happened.
 */
import { type Observable, type OpenConversation, type Outgoing, type Message, type Parley, stateOf } from '../src/sdk'

const MARKS = { uploading: '…', queued: '◷', sent: '✓', delivered: '✓✓', read: '✓✓', refused: '✗' }

/** Fill the element, and keep it up to date. */
export function embed(root: HTMLElement, parley: Parley): void {
  const status = element('p', { role: 'status' })
  const alert = element('p', { role: 'alert' })
  const list = element('nav', { 'aria-label': 'Conversations' })
  const timeline = element('ol', { 'aria-label': 'Messages' })
  const composer = form('Say something', ['body'], ({ body }) => open?.send(body!))
  const signIn = form('Sign in', ['email', 'password'], ({ email, password }) => {
    parley.signIn(email!, password!).catch((fault: unknown) => alert.replaceChildren(String(fault)))
  })
  let open: OpenConversation | null = null
  let unfollow = (): void => undefined

  function show(id: string): void {
    unfollow()
    open?.close()
    open = parley.open(id)
    unfollow = follow(open.timeline, drawTimeline)
  }

  function drawTimeline(): void {
    if (open === null) return
    const { entries, outgoing } = open.timeline.value
    const rows = [...entries, ...outgoing].filter((entry) => entry.kind === 'message' || entry.kind === 'outgoing')
    timeline.replaceChildren(...rows.map((row) => line(row)))
    open.markRead()
  }

  function line(row: Message | Outgoing): HTMLElement {
    const me = parley.session.value.account?.id
    const mine = row.kind === 'outgoing' || row.actor === me
    const author = mine ? 'You' : (parley.person(row.actor)?.name ?? '…')
    const mark = mine && open !== null ? MARKS[stateOf(row, open.timeline.value)] : ''
    const item = element('li')
    item.append(element('b', {}, author), ` ${row.body ?? '(taken back)'} `, element('small', {}, mark))
    return item
  }

  function drawList(): void {
    const buttons = parley.conversations.value.map(({ id, subject, unread }) => {
      const button = element('button', { 'aria-current': String(open?.id === id) }, unread > 0 ? `${subject} (${unread})` : subject)
      button.addEventListener('click', () => {
        show(id)
        drawList()
      })
      return button
    })
    list.replaceChildren(...buttons)
  }

  function drawFrame(): void {
    const { phase } = parley.session.value
    if (phase !== 'signed-in') open = null
    const signedIn = phase === 'signed-in'
    alert.replaceChildren()
    root.replaceChildren(...(signedIn ? [status, list, timeline, composer] : [alert, signIn]))
  }

  function drawStatus(): void {
    const unsent = parley.unsent.value
    const kept = unsent > 0 ? `, ${unsent} not sent yet` : ''
    status.replaceChildren(parley.connection.value.phase + kept)
  }

  follow(parley.session, drawFrame)
  follow(parley.connection, drawStatus)
  follow(parley.unsent, drawStatus)
  follow(parley.conversations, drawList)
  follow(parley.people, drawTimeline)
}

/** Draw now, and once a frame whenever it has changed. */
function follow(observable: Observable<unknown>, draw: () => void): () => void {
  draw()
  return observable.subscribe(() => requestAnimationFrame(draw))
}

function element(name: string, attributes: Record<string, string> = {}, text = ''): HTMLElement {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  made.append(text)
  return made
}

function form(label: string, fields: string[], submit: (values: Record<string, string>) => void): HTMLFormElement {
  const made = element('form') as HTMLFormElement
  const inputs = fields.map((name) => {
    const type = name === 'password' ? 'password' : 'text'
    return element('input', { name, type, 'aria-label': name, required: '' }) as HTMLInputElement
  })
  made.append(...inputs, element('button', {}, label))
  made.addEventListener('submit', (event) => {
    event.preventDefault()
    submit(Object.fromEntries(inputs.map(({ name, value }) => [name, value])))
    made.reset()
  })
  return made
}
