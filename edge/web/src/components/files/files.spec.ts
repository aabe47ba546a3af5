import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { makeRouter } from '@/router'
import type { Attachment } from '@/sdk'
import Message from '@/components/messaging/Message.vue'
import ChatContainer from '@/components/messaging/ChatContainer.vue'
import { fakeChat, inChat } from '../../../tests/chat'
import { attachment, picture } from '../../../tests/files'
import { withLayout } from '../../../tests/layout'
import { fakeStore } from '../../../tests/store'
import { CONVERSATION, message, outgoing, timeline } from '../../../tests/timelines'
import FilePreview from './FilePreview.vue'

beforeAll(withLayout)
let world: ReturnType<typeof fakeStore>
beforeEach(() => (world = fakeStore()))
afterEach(() => (document.body.innerHTML = ''))

const settled = async () => {
  for (let turn = 0; turn < 6; turn++) await flushPromises()
  await new Promise((resolve) => setTimeout(resolve, 40))
  await flushPromises()
}
const holding = (attachments: Attachment[], more = {}, chat = fakeChat()) =>
  inChat(Message, { row: message(1, { attachments, ...more }), grouped: false, state: null, active: false, found: false, pulled: 0 }, chat)

describe('files in a message', () => {
  it('that are images stand there small, in their place before they are loaded', async () => {
    const chat = fakeChat()
    const page = holding([picture('a'), picture('b', { width: 100, height: 400 })], { body: '' }, chat)
    await vi.waitFor(() => expect(page.find('.picture').exists()).toBe(true))
    expect(page.findAll('.picture').map((one) => one.attributes('style'))).toEqual(['width: 220px; aspect-ratio: 220 / 110;', 'width: 44px; aspect-ratio: 44 / 150;'])
    expect(page.find('.body').exists()).toBe(false)
    await settled()
    expect(page.findAll('img').map((one) => one.attributes('src'))).toEqual(['/files/a/small', '/files/b/small'])
    await page.find('.picture').trigger('click')
    expect(chat.preview).toHaveBeenCalledWith(expect.objectContaining({ id: 'a' }))
  })

  it('that could not be loaded are asked for once more, and then on request', async () => {
    const page = holding([picture('a')])
    await settled()
    await page.find('img').trigger('error')
    expect(world.files.forget).toHaveBeenCalledWith('a')
    await settled()
    await page.find('img').trigger('error')
    expect(page.find('.picture.broken').attributes('aria-label')).toContain('could not be loaded')
    await page.find('.broken').trigger('click')
    await settled()
    expect(page.find('img').exists()).toBe(true)
    world.files.url.mockRejectedValue(new Error('no'))
    const other = holding([picture('b')])
    await settled()
    expect(other.find('.broken').exists()).toBe(true)
  })

  it.each([
    [attachment('plan'), 'Open plan.pdf, 1.4 MB', false],
    [attachment('plan', { state: 'scanning' }), 'plan.pdf, Is being checked, 1.4 MB', false],
    [picture('plan', { state: 'scanning', previews: false }), 'plan.png, Is being checked, 1.4 MB', false],
    [attachment('plan', { state: 'rejected', reason: 'type_mismatch' }), 'plan.pdf, Blocked: it is not what its name says., 1.4 MB', true],
    [attachment('plan', { state: 'infected', signature: 'Eicar' }), 'plan.pdf, Blocked: malware found (Eicar), 1.4 MB', true],
    [attachment('plan', { state: 'deleted' }), 'plan.pdf, Was deleted, 1.4 MB', false],
  ])('say what they are and how they stand: %#', (file, label, blocked) => {
    const tile = holding([file]).find('.tile')
    expect(tile.find('.open').attributes('aria-label')).toBe(label)
    expect(tile.classes('blocked')).toBe(blocked)
    expect(tile.find('.icon-button').exists()).toBe(file.state === 'clean')
    expect(tile.find<HTMLButtonElement>('.open').element.disabled).toBe(file.state === 'deleted')
  })

  it('are downloaded, and say where that is not to be', async () => {
    const clicked: string[] = []
    vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (this: HTMLAnchorElement) {
      clicked.push(this.href)
    })
    const chat = fakeChat()
    const page = holding([attachment('plan')], {}, chat)
    await page.find('.open').trigger('click')
    expect(chat.preview).toHaveBeenCalledOnce()
    await page.find('.tile .icon-button').trigger('click')
    await settled()
    expect(clicked).toEqual([expect.stringContaining('/files/plan/original?download')])
    world.files.url.mockRejectedValue(new Error('no'))
    await page.find('.tile .icon-button').trigger('click')
    await settled()
    expect(page.find('.trouble').text()).toContain('could not be downloaded')
  })

  it('are gone with the message, and shown while they are on their way', async () => {
    expect(holding([attachment('plan')], { body: null }).find('.tile').exists()).toBe(false)
    const row = outgoing('o', { body: '', files: [{ upload: 'u', file: null, name: 'a.txt', type: '', size: 1 }] })
    const page = inChat(Message, { row, grouped: false, state: 'uploading', active: false, found: false, pulled: 0 })
    await vi.waitFor(() => expect(page.find('.file').exists()).toBe(true))
    expect(page.find('.file').text()).toContain('Is being uploaded')
    expect(page.find('[data-state=uploading]').attributes('aria-label')).toBe('Uploading its files')
  })

  it.each([
    ['quota_exceeded', 'Not sent: a file was not taken. There is no room left for your files.'],
    ['file_lost', 'Not sent: it is not on this device any more. Attach it again.'],
    ['invalid', 'Not sent: a file is not there any more. Attach it again.'],
  ])('say why their message was refused: %s', (code, told) => {
    const row = outgoing('o', { state: 'refused', refusal: { code, message: '', field: 'attachments' } })
    const page = inChat(Message, { row, grouped: false, state: 'refused', active: false, found: false, pulled: 0 })
    expect(page.find('.refusal').text()).toContain(told)
  })
})

function looking(file: Attachment, among: Attachment[] = []) {
  const page = mount(FilePreview, { props: { file, among }, attachTo: document.body })
  const dialog = () => document.querySelector<HTMLDialogElement>('dialog.preview')!
  const find = <E extends HTMLElement>(what: string) => dialog().querySelector<E>(what)
  const press = async (key: string, more = {}) => {
    dialog().dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more }))
    await settled()
  }
  const name = () => find('h2')!.textContent
  return { page, dialog, find, press, name }
}

describe('the preview of an image', () => {
  const three = [picture('a'), picture('b'), picture('c')]

  it('turns over to the others by keys, buttons and a swipe', async () => {
    const { find, press, name, dialog } = looking(three[1]!, three)
    await settled()
    expect(dialog().open).toBe(true)
    expect(find('.place')!.textContent).toBe('2 of 3')
    expect(find<HTMLImageElement>('img')!.getAttribute('src')).toBe('/files/b/large')
    await press('ArrowRight')
    expect(name()).toBe('c.png')
    await press('ArrowRight')
    expect(name()).toBe('c.png')
    expect(find('.next')).toBeNull()
    find('.before')!.click()
    await settled()
    find('.before')!.click()
    await settled()
    expect(name()).toBe('a.png')
    find('.next')!.click()
    await settled()
    const stage = find('.stage')!
    const point = (type: string, x: number, more = {}) => stage.dispatchEvent(new PointerEvent(type, { pointerId: 1, button: 0, clientX: x, clientY: 0, bubbles: true, ...more }))
    point('pointerdown', 200)
    point('pointermove', 150)
    point('pointerup', 100)
    await settled()
    expect(name()).toBe('c.png')
    point('pointerdown', 100)
    point('pointercancel', 300)
    point('pointerup', 300)
    point('pointerdown', 100, { button: 2 })
    point('pointermove', 300)
    await settled()
    expect(name()).toBe('c.png')
    document.dir = 'rtl'
    await press('ArrowRight')
    document.dir = ''
    expect(name()).toBe('b.png')
  })

  it('zooms by wheel, keys, buttons, two fingers and a double click, and moves while it is larger', async () => {
    const { find, press } = looking(three[0]!)
    await settled()
    const image = () => find<HTMLImageElement>('img')!
    for (const [name, size] of [['offsetWidth', 400], ['offsetHeight', 300]] as const) Object.defineProperty(image(), name, { configurable: true, value: size })
    const scale = () => Number(/scale\(([\d.]+)\)/.exec(image().style.transform)![1])
    expect(scale()).toBe(1)
    await press('+')
    expect(scale()).toBe(1.5)
    await press('=')
    expect(image().getAttribute('src')).toBe('/files/a/shown')
    await press('ArrowLeft', { shiftKey: true })
    expect(image().style.transform).toContain('translate(60px, 0px)')
    await press('-')
    await press('0')
    expect(scale()).toBe(1)
    await press('x')
    await press('+', { ctrlKey: true })
    expect(scale()).toBe(1)
    const stage = find('.stage')!
    stage.dispatchEvent(new MouseEvent('dblclick', { bubbles: true }))
    await settled()
    expect(scale()).toBe(2.5)
    const point = (type: string, pointerId: number, x: number) => stage.dispatchEvent(new PointerEvent(type, { pointerId, button: 0, clientX: x, clientY: 0, bubbles: true }))
    point('pointerdown', 1, 0)
    point('pointermove', 1, -40)
    point('pointerup', 1, -40)
    await settled()
    expect(image().style.transform).toContain('translate(-40px')
    stage.dispatchEvent(new MouseEvent('dblclick', { bubbles: true }))
    await settled()
    expect(scale()).toBe(1)
    point('pointerdown', 1, -10)
    point('pointerdown', 2, 10)
    point('pointermove', 2, 30)
    await settled()
    expect(scale()).toBe(2)
    point('pointerup', 1, 0)
    point('pointerup', 2, 0)
    stage.dispatchEvent(new WheelEvent('wheel', { deltaY: -100, bubbles: true, cancelable: true }))
    await settled()
    expect(scale()).toBeGreaterThan(2)
    const [out, fit, larger] = dialogButtons()
    larger!.click()
    out!.click()
    fit!.click()
    await settled()
    expect(scale()).toBe(1)
    function dialogButtons() {
      return [...find('.tools')!.querySelectorAll('button')]
    }
  })

  it('says that it could not be loaded, and tries again', async () => {
    world.files.url.mockRejectedValueOnce(new Error('no'))
    const { find } = looking(three[0]!)
    await settled()
    expect(find('[role=alert]')!.textContent).toContain('could not be loaded')
    find('[role=alert] button')!.click()
    await settled()
    find('img')!.dispatchEvent(new Event('error'))
    await settled()
    expect(find('img')).not.toBeNull()
  })

  it('gives its place to its neighbour where it is to be had no longer', async () => {
    const { page, press, name, find } = looking(three[0]!, three)
    await settled()
    await press('ArrowRight')
    await page.setProps({ among: [three[0]!, three[2]!] })
    await settled()
    expect(name()).toBe('c.png')
    await page.setProps({ among: [] })
    await settled()
    expect(name()).toBe('a.png')
    await page.setProps({ file: picture('a', { state: 'infected', signature: 'Eicar', previews: false }) })
    await settled()
    expect(find('.state')!.textContent).toContain('malware found (Eicar)')
    expect(find('img')).toBeNull()
  })
})

describe('the preview of other files', () => {
  it('shows the beginning of a text as text', async () => {
    world.files.text.mockResolvedValueOnce({ text: '<script>alert(1)</script>', whole: false })
    const { find, page } = looking(attachment('a', { type: 'text/html' }))
    await settled()
    expect(find('pre')!.textContent).toBe('<script>alert(1)</script>')
    expect(find('script')).toBeNull()
    expect(find('.cut')!.textContent).toContain('Only the beginning')
    world.files.text.mockResolvedValueOnce({ text: '', whole: true })
    await page.setProps({ file: attachment('b', { type: 'text/plain' }) })
    page.unmount()
    const empty = looking(attachment('b', { type: 'text/plain' }))
    await settled()
    expect(empty.dialog().textContent).toContain('This file is empty.')
  })

  it('says where a text cannot be read, and tries again', async () => {
    world.files.text.mockRejectedValueOnce(new Error('no'))
    const { find } = looking(attachment('a', { type: 'text/plain' }))
    await settled()
    expect(find('[role=alert]')!.textContent).toContain('could not be loaded')
    find('[role=alert] button')!.click()
    await settled()
    expect(find('pre')!.textContent).toBe('line')
  })

  it('offers what it cannot show for download, and what is known of it', async () => {
    vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => undefined)
    const { find, dialog } = looking(attachment('a', { type: 'application/zip', name: 'a.zip' }))
    await settled()
    expect(find('.none')!.textContent).toContain('no preview')
    find('.none button')!.click()
    await settled()
    expect(world.files.url).toHaveBeenCalledWith('a', 'original', { download: true })
    world.files.url.mockRejectedValueOnce(new Error('no'))
    find('header .icon-button:nth-of-type(2)')!.click()
    await settled()
    expect(find('.trouble')!.textContent).toContain('could not be downloaded')
    find('[aria-pressed]')!.click()
    await settled()
    expect(dialog().textContent).toContain('clamd, signatures of 27000')
    expect(dialog().textContent).toContain('Adam Ode')
    expect(dialog().textContent).toContain('ab12')
  })

  it('says who checked it where that is told, and that it could not be read where not', async () => {
    world.files.scanner.mockRejectedValueOnce(new Error('no'))
    const one = looking(picture('a', { state: 'scanning' }))
    await settled()
    expect(one.find('.details')!.textContent).toContain('clamd')
    expect(one.find('.details')!.textContent).toContain('400 × 200')
    one.page.unmount()
    world.files.facts.mockRejectedValueOnce(new Error('no'))
    const other = looking(attachment('a', { state: 'rejected', reason: 'macros' }))
    await settled()
    expect(other.find('.details')!.textContent).toContain('The details could not be loaded.')
    expect(other.find('.details')!.textContent).not.toContain('Checked by')
  })

  it('is closed by Escape and by its cross, and gives the focus back', async () => {
    const opener = document.createElement('button')
    document.body.append(opener)
    opener.focus()
    const { page, dialog, find } = looking(attachment('a', { type: 'application/zip' }))
    await settled()
    dialog().dispatchEvent(new Event('cancel', { cancelable: true }))
    find('header .icon-button:last-of-type')!.click()
    expect(page.emitted('close')).toHaveLength(2)
    page.unmount()
    expect(document.activeElement).toBe(opener)
  })
})

describe('a conversation', () => {
  it('shows a file among its images, as it stands now, and no longer than it is there', async () => {
    const rows = [message(1, { attachments: [picture('a')] }), message(2, { attachments: [attachment('plan'), picture('b')] }), message(3)]
    world = fakeStore(timeline(rows))
    const router = makeRouter()
    await router.push(`/c/${CONVERSATION}`)
    const page = mount(ChatContainer, { props: { conversation: CONVERSATION }, global: { plugins: [world.pinia, router] }, attachTo: document.body })
    await settled()
    await page.findAll('.picture')[1]!.trigger('click')
    await vi.waitFor(() => expect(document.querySelector('.preview .place')?.textContent).toBe('2 of 2'))
    world.timeline.set(timeline([message(1), message(2, { body: null }), message(3)]))
    await settled()
    expect(document.querySelector('.preview')).toBeNull()
    page.unmount()
  })
})
