import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { makeRouter } from '@/router'
import type { Upload } from '@/sdk'
import { inChat } from '../../../tests/chat'
import { attachment, chosen, upload } from '../../../tests/files'
import { withLayout } from '../../../tests/layout'
import { conversation, fakeStore } from '../../../tests/store'
import { CONVERSATION, ME, message, outgoing, timeline } from '../../../tests/timelines'
import ChatContainer from '@/components/messaging/ChatContainer.vue'
import AttachButton from './AttachButton.vue'
import OutgoingFiles from './OutgoingFiles.vue'
import UploadRow from './UploadRow.vue'

beforeAll(withLayout)
afterEach(() => {
  document.body.innerHTML = ''
  vi.restoreAllMocks()
})

const settled = async () => {
  for (let turn = 0; turn < 4; turn++) await flushPromises()
  await new Promise((resolve) => setTimeout(resolve, 60))
  await flushPromises()
}

async function opened(world = fakeStore()) {
  const router = makeRouter()
  await router.push(`/c/${CONVERSATION}`)
  const page = mount(ChatContainer, { props: { conversation: CONVERSATION }, global: { plugins: [world.pinia, router] }, attachTo: document.body })
  await settled()
  const show = async (...all: Upload[]) => {
    world.uploads.all.set(new Map(all.map((one) => [one.id, one])))
    await settled()
  }
  const aloud = () => page.find('.told[role=status]').text()
  return { ...world, page, show, aloud }
}

/** As a browser says what is dragged, and in what it lets itself be handled. */
function dragged(type: string, files: File[], more: object = {}) {
  const event = new Event(type, { bubbles: true, cancelable: true })
  const items = files.map((file) => ({ kind: 'file', getAsFile: () => file, webkitGetAsEntry: () => ({ isDirectory: file.name === 'folder' }) }))
  const data = { types: ['Files'], files, items, dropEffect: 'copy', ...more }
  Object.defineProperty(event, 'dataTransfer', { value: data })
  return { event, data }
}

describe('files that are attached', () => {
  it('are chosen, stand in the tray, and go with the message, which needs no text then', async () => {
    const { page, uploads, open, show } = await opened()
    const input = page.find<HTMLInputElement>('input[type=file]')
    Object.defineProperty(input.element, 'files', { configurable: true, value: [chosen('a.txt')] })
    await input.trigger('change')
    expect(uploads.add).toHaveBeenCalledWith(CONVERSATION, expect.objectContaining({ name: 'a.txt' }))
    const send = page.find<HTMLButtonElement>('.send')
    expect(send.element.disabled).toBe(true)
    await show(upload('one'), upload('two', { phase: 'done' }), upload('bad', { phase: 'failed', trouble: 'too_large' }), upload('elsewhere', { conversation: 'other' }), upload('bound', { message: 'm' }))
    expect(page.findAll('.tray li')).toHaveLength(3)
    expect(send.element.disabled).toBe(false)
    await page.find('form').trigger('submit')
    expect(open.send).toHaveBeenCalledWith('', { replyTo: null, mentions: [], uploads: ['one', 'two'] })
    await show(upload('bad', { phase: 'failed', trouble: 'too_large' }))
    expect(send.element.disabled).toBe(true)
  })

  it('are not more, and none larger, than the server takes', async () => {
    const { page, uploads, limits } = await opened()
    const attach = (...files: File[]) => page.findComponent(AttachButton).vm.$emit('files', files)
    attach(chosen('big.iso', 1_000_001))
    await settled()
    expect(uploads.add).not.toHaveBeenCalled()
    expect(page.find('.notice').text()).toBe('big.iso is too large: at most 1 MB.')
    attach(...['1', '2', '3', '4'].map((name) => chosen(name)))
    await settled()
    expect(uploads.add).toHaveBeenCalledTimes(3)
    expect(page.find('.notice').text()).toBe('A message takes at most 3 files.')
    limits.set({ file: null, attachments: 10 })
    uploads.add.mockReturnValue(null)
    await settled()
    attach(chosen('big.iso', 1_000_001))
    await settled()
    expect(page.find('.notice').text()).toContain('Too many files are on their way')
  })

  it('are dropped on the conversation, which says so; folders are not taken', async () => {
    const { page, uploads } = await opened()
    const chat = page.find('.chat').element
    const fire = async (type: string, files: File[], more = {}) => {
      const { event, data } = dragged(type, files, more)
      chat.dispatchEvent(event)
      await settled()
      return { event, data }
    }
    expect((await fire('dragenter', [])).event.defaultPrevented).toBe(true)
    await fire('dragenter', [])
    await fire('dragleave', [])
    expect(page.find('.target').text()).toBe('Drop files here to attach them')
    expect((await fire('dragover', [])).data.dropEffect).toBe('copy')
    await fire('dragleave', [])
    expect(page.find('.target').exists()).toBe(false)
    await fire('dragenter', [])
    await fire('drop', [chosen('a.txt'), chosen('folder')])
    expect(page.find('.target').exists()).toBe(false)
    expect(uploads.add.mock.calls.map(([, { name }]) => name)).toEqual(['a.txt'])
    expect(page.find('.notice').text()).toContain('folder cannot be sent')
    await fire('drop', [chosen('b.txt')])
    expect(uploads.add).toHaveBeenCalledTimes(2)
    for (const type of ['dragenter', 'dragover', 'dragleave', 'drop']) expect((await fire(type, [], { types: ['text/plain'] })).event.defaultPrevented).toBe(false)
  })

  it('are not taken where nothing can be said, and never open in the page’s place', async () => {
    const { page, uploads, facts } = await opened()
    facts.set(conversation({ status: 'closed' }))
    await settled()
    const { event, data } = dragged('dragover', [])
    page.find('.chat').element.dispatchEvent(event)
    expect(event.defaultPrevented).toBe(true)
    expect(data.dropEffect).toBe('none')
    page.find('.chat').element.dispatchEvent(dragged('drop', [chosen('a')]).event)
    expect(uploads.add).not.toHaveBeenCalled()
    const text = dragged('dragover', [], { types: ['text/plain'] }).event
    window.dispatchEvent(text)
    expect(text.defaultPrevented).toBe(false)
  })

  it('are pasted, unless a text comes with them', async () => {
    const { page, uploads, timeline: shown } = await opened()
    const paste = async (files: File[], text = '') => {
      const event = new Event('paste', { cancelable: true })
      Object.defineProperty(event, 'clipboardData', { value: { files, getData: () => text } })
      page.find('textarea').element.dispatchEvent(event)
      await settled()
      return event.defaultPrevented
    }
    expect(await paste([chosen('image.png')])).toBe(true)
    expect(await paste([])).toBe(false)
    expect(await paste([chosen('table.png')], 'a\tb')).toBe(false)
    expect(uploads.add).toHaveBeenCalledOnce()
    shown.set(timeline([message(2, { actor: ME })]))
    await page.find('textarea').trigger('keydown', { key: 'ArrowUp' })
    await settled()
    expect(await paste([chosen('late.png')])).toBe(false)
    expect(page.find('.attach').exists()).toBe(false)
  })

  it('tell a screen reader when they have arrived, were refused, or blocked', async () => {
    const { show, aloud, timeline: shown } = await opened()
    await show(upload('a'), upload('other', { conversation: 'other' }))
    expect(aloud()).toBe('')
    await show(upload('a', { phase: 'done' }), upload('other', { conversation: 'other', phase: 'done' }))
    expect(aloud()).toBe('a.pdf is uploaded.')
    await show(upload('b', { phase: 'failed', trouble: null }))
    expect(aloud()).toBe('b.pdf was not uploaded: The server did not take it.')
    const holding = (more: object) => timeline([message(1, { actor: ME, attachments: [attachment('c', more)] })])
    shown.set(holding({ state: 'scanning', revision: 0 }))
    await settled()
    shown.set(holding({ state: 'rejected', reason: 'macros' }))
    await settled()
    expect(aloud()).toBe('c.pdf was blocked: it has macros in it.')
    shown.set(holding({ state: 'clean', revision: 2 }))
    await settled()
    shown.set(holding({ state: 'infected', revision: 3 }))
    await settled()
    expect(aloud()).toBe('c.pdf was blocked: Blocked: malware found')
  })

  it('are paused, gone on with and removed one by one; the focus stays at hand', async () => {
    const { page, show, uploads } = await opened()
    await show(upload('a'), upload('b', { phase: 'paused' }), upload('c', { phase: 'failed', trouble: 'quota_exceeded' }))
    const [a, b, c] = page.findAll('.tray li')
    await a!.find('button').trigger('click')
    await b!.find('button').trigger('click')
    await c!.find('button').trigger('click')
    expect(uploads.pause).toHaveBeenCalledWith('a')
    expect(uploads.resume.mock.calls).toEqual([['b'], ['c']])
    uploads.cancel.mockImplementation((id: string) => uploads.all.set(new Map([...uploads.all.value].filter(([one]) => one !== id))))
    await a!.findAll('button')[1]!.trigger('click')
    expect(uploads.cancel).toHaveBeenCalledWith('a')
    expect(document.activeElement?.closest('.upload')).not.toBeNull()
    await show(upload('c', { phase: 'failed' }))
    uploads.all.set(new Map([['c', upload('c')]]))
    await page.find('.tray li button:last-of-type').trigger('click')
    await settled()
    expect(page.find('.tray').exists()).toBe(false)
  })
})

describe('a file in the tray', () => {
  const row = (more: Partial<Upload>) => mount(UploadRow, { props: { upload: upload('plan', more) } })
  it.each([
    [{ phase: 'sending' }, '25% of 2 MB'],
    [{ phase: 'waiting' }, 'Waits for its turn'],
    [{ phase: 'resting' }, 'No connection. Goes on by itself.'],
    [{ phase: 'paused' }, 'Paused at 25%'],
    [{ phase: 'done' }, 'Uploaded · 2 MB'],
    [{ phase: 'failed', trouble: 'type_not_allowed' }, 'Files of this kind are not taken.'],
    [{ phase: 'failed' }, 'The server did not take it.'],
    [{ phase: 'sending', kept: false }, '25% of 2 MB Could not be stored on this device: keep this page open.'],
  ] as const)('says how it is: %o', (more, told) => {
    expect(row(more).find('small').text()).toBe(told)
  })

  it('says how far it is, for eyes and for a screen reader', () => {
    const bar = row({}).find('[role=progressbar]')
    expect(bar.attributes('aria-valuenow')).toBe('25')
    expect(bar.attributes('aria-label')).toBe('Progress of plan.pdf')
    expect(row({ phase: 'done' }).find('[role=progressbar]').exists()).toBe(false)
  })

  it('has its name beside it, and never as markup', () => {
    const page = row({ name: '<img src=x onerror=alert(1)>.png' })
    expect(page.find('img').exists()).toBe(false)
    expect(page.find('bdi').text()).toBe('<img src=x onerror=alert(1)>.png')
  })
})

describe('a message that waits for its files', () => {
  it('says how far each of them is, as far as this tab knows, and does without one', async () => {
    const { uploads, pinia } = fakeStore()
    uploads.all.set(new Map([['u1', upload('u1', { message: 'o' })]]))
    const file = (id: string, at: string | null) => ({ upload: id, file: at, name: `${id}.pdf`, type: '', size: 2_000_000 })
    const row = outgoing('o', { files: [file('u1', null), file('u2', null), file('u3', 'f')] })
    const page = mount(OutgoingFiles, { props: { row }, global: { plugins: [pinia] } })
    expect(page.findAll('small').map((one) => one.text())).toEqual(['25% of 2 MB', 'Is being uploaded', '2 MB'])
    await page.find('button').trigger('click')
    expect(uploads.cancel).toHaveBeenCalledWith('u1')
  })
})

describe('the button that attaches', () => {
  it('opens the browser’s own dialog', async () => {
    const page = inChat(AttachButton, {})
    const click = vi.spyOn(HTMLInputElement.prototype, 'click').mockImplementation(() => undefined)
    await page.find('button').trigger('click')
    expect(click).toHaveBeenCalledOnce()
    expect(page.findAll('input')[1]!.attributes('capture')).toBe('environment')
    await page.find('input').trigger('change')
    expect(page.emitted('files')).toBeUndefined()
  })

  it('offers the camera, too, where a finger is the pointer', async () => {
    vi.spyOn(window, 'matchMedia').mockReturnValue({ matches: true } as MediaQueryList)
    const page = inChat(AttachButton, {})
    const click = vi.spyOn(HTMLInputElement.prototype, 'click').mockImplementation(() => undefined)
    await page.find('button').trigger('click')
    const items = () => [...document.querySelectorAll<HTMLElement>('[role=menuitem]')]
    expect(items().map((one) => one.textContent?.trim())).toEqual(['Choose files', 'Take a photo'])
    items()[1]!.click()
    await settled()
    expect(click).toHaveBeenCalledOnce()
    expect(items()).toEqual([])
    await page.find('button').trigger('click')
    items()[0]!.click()
    await settled()
    expect(click).toHaveBeenCalledTimes(2)
    await page.find('button').trigger('click')
    document.querySelector<HTMLElement>('.backdrop')!.click()
    await settled()
    expect(items()).toEqual([])
  })
})
