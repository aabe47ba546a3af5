import { mount } from '@vue/test-utils'
import { afterEach, describe, expect, it } from 'vitest'
import { nextTick } from 'vue'
import Avatar from './Avatar.vue'
import Dialog from './Dialog.vue'

afterEach(() => {
  document.body.innerHTML = ''
})

async function asked(slots: Record<string, string>, open = true) {
  const opener = document.createElement('button')
  document.body.append(opener)
  opener.focus()
  const page = mount(Dialog, { props: { open, title: 'Really' }, slots, attachTo: document.body })
  await nextTick()
  await nextTick()
  const dialog = () => document.querySelector('dialog')
  return { opener, page, dialog }
}

describe('a dialog', () => {
  it('stands there with its title, takes the focus, and gives it back', async () => {
    const { opener, page, dialog } = await asked({ default: '<input aria-label="Name">', actions: '<button>Yes</button>' })
    expect(dialog()?.open).toBe(true)
    const title = document.getElementById(dialog()?.getAttribute('aria-labelledby') ?? '')
    expect(title?.textContent).toBe('Really')
    expect(document.activeElement?.getAttribute('aria-label')).toBe('Name')
    await page.setProps({ open: false })
    expect(dialog()).toBeNull()
    expect(document.activeElement).toBe(opener)
    await page.setProps({ open: true })
    await nextTick()
    expect(dialog()?.open).toBe(true)
  })

  it('focuses what is marked, else the first action', async () => {
    await asked({ default: '<input><button data-first id="marked">No</button>' })
    expect(document.activeElement?.id).toBe('marked')
    document.body.innerHTML = ''
    await asked({ default: '<p>Sure?</p>', actions: '<button id="yes">Yes</button>' })
    expect(document.activeElement?.id).toBe('yes')
  })

  it('asks to be closed by Escape, the cross and a press beside it', async () => {
    const { page, dialog } = await asked({ default: 'Text' })
    dialog()?.dispatchEvent(new Event('cancel', { cancelable: true }))
    document.querySelector<HTMLElement>('dialog header button')?.click()
    dialog()?.dispatchEvent(new Event('pointerdown'))
    expect(page.emitted('close')).toHaveLength(3)
  })

  it('leaves the focus alone where its opener is gone, and is closed with the page', async () => {
    const { opener, page, dialog } = await asked({ default: '<input>' })
    opener.remove()
    page.unmount()
    expect(dialog()).toBeNull()
    expect(document.activeElement).not.toBe(opener)
  })
})

it('draws somebody as initials on a hue of theirs', () => {
  const page = mount(Avatar, { props: { account: 'a', name: 'Clara Jensen', size: 36 } })
  expect(page.attributes('data-initials')).toBe('CJ')
  expect(page.attributes('style')).toContain('width: 36px')
  expect(page.attributes('aria-hidden')).toBe('true')
  expect(mount(Avatar, { props: { account: 'a', name: '…' } }).attributes('data-initials')).toBe('?')
})
