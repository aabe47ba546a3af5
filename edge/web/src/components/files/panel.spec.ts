import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { makeRouter } from '@/router'
import type { Attachment } from '@/sdk'
import { attachment, picture } from '../../../tests/files'
import { fakeStore } from '../../../tests/store'
import { CONVERSATION } from '../../../tests/timelines'
import FilesPanel from './FilesPanel.vue'

let world: ReturnType<typeof fakeStore>
beforeEach(() => (world = fakeStore()))
afterEach(() => (document.body.innerHTML = ''))

const settled = async () => {
  for (let turn = 0; turn < 6; turn++) await flushPromises()
  await new Promise((resolve) => setTimeout(resolve, 40))
  await flushPromises()
}

describe('the files of a conversation', () => {
  const found = (file: Attachment, seq: number) => ({ file, seq, at: 't', actor: 'x' })
  async function panel(over = false) {
    const router = makeRouter()
    const page = mount(FilesPanel, { props: { conversation: CONVERSATION, over }, global: { plugins: [world.pinia, router] }, attachTo: document.body })
    await settled()
    return page
  }

  it('are a gallery and a list, page by page', async () => {
    world.files.of.mockResolvedValueOnce({ items: [found(picture('a'), 4), found(attachment('plan'), 3)], next: 'more' })
    const page = await panel()
    expect(page.findAll('.gallery .picture')).toHaveLength(1)
    expect(page.find('.rows a').attributes('href')).toBe(`/c/${CONVERSATION}/3`)
    world.files.of.mockResolvedValueOnce({ items: [found(attachment('plan'), 3), found(picture('b'), 2)], next: null })
    await page.find('.more').trigger('click')
    await settled()
    expect(world.files.of).toHaveBeenLastCalledWith(CONVERSATION, { kind: undefined, after: 'more' })
    expect(page.findAll('.gallery .picture')).toHaveLength(2)
    expect(page.findAll('.rows li')).toHaveLength(1)
    expect(page.find('.more').exists()).toBe(false)
    await page.find('.gallery .picture').trigger('click')
    await vi.waitFor(() => expect(document.querySelector('.preview .place')?.textContent).toBe('1 of 2'))
    document.querySelector('.preview')!.dispatchEvent(new Event('cancel', { cancelable: true }))
    await settled()
    await page.find('.rows .open').trigger('click')
    await settled()
    expect(document.querySelector('.preview h2')?.textContent).toBe('plan.pdf')
  })

  it('are filtered by kind, and what a former filter found does not come late', async () => {
    let late: (value: { items: unknown[]; next: null }) => void = () => undefined
    world.files.of.mockReturnValueOnce(new Promise((resolve) => (late = resolve)))
    const page = await panel()
    expect(page.find('[role=status]').text()).toBe('Loading')
    await page.findAll('input')[1]!.setValue(true)
    late({ items: [found(attachment('plan'), 3)], next: null })
    await settled()
    expect(world.files.of).toHaveBeenLastCalledWith(CONVERSATION, { kind: 'image', after: null })
    expect(page.find('.rows').exists()).toBe(false)
    expect(page.find('.told').text()).toBe('None of this kind.')
    await page.findAll('input')[0]!.setValue(true)
    await settled()
    expect(page.find('.told').text()).toBe('No files have been sent here yet.')
  })

  it('say where they could not be read, and are closed by Escape', async () => {
    world.files.of.mockRejectedValueOnce(new Error('no'))
    const opener = document.createElement('button')
    document.body.append(opener)
    opener.focus()
    const page = await panel(true)
    expect(document.activeElement?.getAttribute('aria-label')).toBe('Close')
    expect(page.find('[role=alert]').text()).toContain('could not be loaded')
    await page.find('[role=alert] button').trigger('click')
    await settled()
    expect(page.find('[role=alert]').exists()).toBe(false)
    await page.find('aside').trigger('keydown', { key: 'Escape' })
    await page.find('.scrim').trigger('click')
    await page.find('header button').trigger('click')
    expect(page.emitted('close')).toHaveLength(3)
    page.unmount()
    await settled()
    expect(document.activeElement).toBe(opener)
  })
})
