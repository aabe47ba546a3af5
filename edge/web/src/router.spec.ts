import { mount } from '@vue/test-utils'
import { createPinia } from 'pinia'
import { afterEach, describe, expect, it } from 'vitest'
import { RouterView } from 'vue-router'
import { makeRouter } from '@/router'

describe('the router', () => {
  afterEach(() => window.history.replaceState({}, '', '/'))

  it.each([
    ['/', 'home'],
    ['/sign-in', 'sign-in'],
    ['/c/dddddddd-0000-4000-8000-000000000004', 'conversation'],
    ['/c/dddddddd-0000-4000-8000-000000000004/17', 'conversation'],
    ['/c/dddddddd-0000-4000-8000-000000000004/x', 'lost'],
    ['/no/such/place', 'lost'],
  ])('knows %s as %s', (path, name) => {
    expect(makeRouter().resolve(path).name).toBe(name)
  })

  it('shows something where there is nothing', async () => {
    const router = makeRouter()
    await router.push('/no/such/place')
    const page = mount(RouterView, { global: { plugins: [createPinia(), router] } })
    await router.isReady()
    expect(page.text()).toContain('There is nothing at this address.')
  })
})
