import { mount } from '@vue/test-utils'
import { createPinia } from 'pinia'
import { afterEach, describe, expect, it } from 'vitest'
import App from '@/App.vue'
import { makeRouter } from '@/router'

describe('the router', () => {
  afterEach(() => window.history.replaceState({}, '', '/'))

  it.each([
    ['/', 'Parley'],
    ['/no/such/place', 'There is nothing at this address.'],
  ])('shows something at %s', async (path, shown) => {
    const router = makeRouter()
    await router.push(path)
    const app = mount(App, { global: { plugins: [createPinia(), router] } })
    await router.isReady()
    expect(app.text()).toContain(shown)
  })
})
