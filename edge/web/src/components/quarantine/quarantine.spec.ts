import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import Rail from '@/components/frame/Rail.vue'
import { makeRouter } from '@/router'
import QuarantineView from '@/views/QuarantineView.vue'
import { heldFile } from '../../../tests/files'
import { fakeStore } from '../../../tests/store'
import { ADAM } from '../../../tests/timelines'

let world: ReturnType<typeof fakeStore>
beforeEach(() => (world = fakeStore()))
afterEach(() => (document.body.innerHTML = ''))

const settled = async () => {
  for (let turn = 0; turn < 6; turn++) await flushPromises()
}
const be = (role: 'admin' | 'agent') =>
  world.store.$patch((state) => (state.session = { phase: 'signed-in', account: { id: ADAM, name: 'Adam Ode', role, email: null } }))

async function shown() {
  be('admin')
  const page = mount(QuarantineView, { global: { plugins: [world.pinia, makeRouter()] }, attachTo: document.body })
  await settled()
  const button = (text: string) => [...document.querySelectorAll<HTMLButtonElement>('button')].find((one) => one.textContent?.trim() === text)!
  const press = async (text: string) => {
    button(text).click()
    await settled()
  }
  return { page, button, press }
}

describe('the quarantine', () => {
  it('says of each file who sent it where, what was found, by what, and when', async () => {
    world.files.held.mockResolvedValueOnce({ items: [heldFile('game'), heldFile('lone', { conversations: [], engine: null, scanned_at: null, sha256: null, state: 'rejected', reason: 'macros' })], next: null })
    const { page } = await shown()
    const [game, lone] = page.findAll('.held')
    for (const told of ['game.exe', '7 bytes', 'malware found (Eicar-Test)', 'Adam Ode', 'Harbour', 'clamd', 'ab12']) expect(game!.text()).toContain(told)
    for (const told of ['it has macros in it', 'No message', 'Nobody yet', 'Uploaded']) expect(lone!.text()).toContain(told)
    expect(world.files.held).toHaveBeenCalledWith('infected', null)
  })

  it('is read page by page, by state', async () => {
    world.files.held.mockResolvedValueOnce({ items: [heldFile('a')], next: 'more' })
    const { page, press } = await shown()
    world.files.held.mockResolvedValueOnce({ items: [heldFile('a'), heldFile('b')], next: null })
    await press('Show more')
    expect(world.files.held).toHaveBeenLastCalledWith('infected', 'more')
    expect(page.findAll('.held')).toHaveLength(2)
    world.files.held.mockResolvedValueOnce({ items: [heldFile('c', { state: 'scanning', attempts: 3, last_error: 'timeout', signature: null })], next: null })
    await page.findAll('input')[2]!.setValue(true)
    await settled()
    expect(page.find('.held').text()).toContain('3 attempts · Last error: timeout')
    expect(page.find('.held').text()).not.toContain('Release')
    await page.findAll('input')[1]!.setValue(true)
    await settled()
    expect(page.find('.told').text()).toBe('Nothing is held here.')
  })

  it('releases a file for a reason only', async () => {
    world.files.held.mockResolvedValueOnce({ items: [heldFile('a')], next: null })
    const { page, press, button } = await shown()
    await press('Release…')
    expect(document.querySelector('dialog h2')!.textContent).toBe('Release a.exe?')
    expect(button('Release').disabled).toBe(true)
    const field = document.querySelector<HTMLInputElement>('dialog input')!
    document.querySelector('dialog form')!.dispatchEvent(new Event('submit', { cancelable: true }))
    field.value = '  a test file '
    field.dispatchEvent(new Event('input'))
    await settled()
    world.files.release.mockRejectedValueOnce(new Error('no'))
    await press('Release')
    expect(document.querySelector('dialog [role=alert]')).not.toBeNull()
    expect(page.findAll('.held')).toHaveLength(1)
    await press('Release')
    expect(world.files.release).toHaveBeenLastCalledWith('a', 'a test file')
    expect(page.findAll('.held')).toHaveLength(0)
    expect(page.find('.news').text()).toBe('a.exe is released.')
    expect(document.querySelector('dialog')).toBeNull()
  })

  it('deletes a file after asking', async () => {
    world.files.held.mockResolvedValueOnce({ items: [heldFile('a'), heldFile('b')], next: null })
    const { page, press } = await shown()
    await press('Release…')
    await press('Cancel')
    await press('Delete…')
    await press('Cancel')
    expect(world.files.destroy).not.toHaveBeenCalled()
    await press('Delete…')
    await press('Delete for good')
    expect(world.files.destroy).toHaveBeenCalledWith('a')
    expect(page.findAll('.held')).toHaveLength(1)
    expect(page.find('.news').text()).toBe('a.exe is deleted.')
  })

  it('says where it could not be read, and tries again', async () => {
    world.files.held.mockRejectedValueOnce(new Error('no'))
    const { page, press } = await shown()
    expect(page.find('[role=alert]').text()).toContain('could not be loaded')
    await press('Try again')
    expect(page.find('[role=alert]').exists()).toBe(false)
  })

  it('is for admins: nobody else has its entry in the rail, or reads it', async () => {
    be('agent')
    const page = mount(QuarantineView, { global: { plugins: [world.pinia, makeRouter()] } })
    await settled()
    expect(page.text()).toContain('Only admins')
    expect(world.files.held).not.toHaveBeenCalled()
    const rail = mount(Rail, { props: { project: null }, global: { plugins: [world.pinia, makeRouter()] } })
    const entry = () => rail.find('a[href="/admin/quarantine"]')
    expect(entry().exists()).toBe(false)
    be('admin')
    await settled()
    expect(entry().attributes('aria-label')).toBe('Quarantine')
    expect(world.files.held).toHaveBeenCalledOnce()
  })
})
