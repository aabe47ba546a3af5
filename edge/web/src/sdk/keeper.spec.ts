// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Credentials } from './credentials'
import { ApiError } from './faults'
import { type Kept, Keeper, type Standing, STEADY_MS } from './keeper'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const ended = (code: number | null, more: Partial<Kept> = {}): Kept => ({
  code, reason: 'closed', awayMs: null, mended: false, ...more,
})

interface Given {
  readonly lives: (Kept | { readonly after: number; readonly kept: Kept })[]
  readonly credentials?: Partial<Credentials>
}

/** A keeper whose connections end as given, and then stay. */
function kept({ lives, credentials = {} }: Given): { keeper: Keeper; told: Standing[]; tokens: (string | null)[] } {
  const told: Standing[] = []
  const tokens: (string | null)[] = []
  const keeper = new Keeper({
    environment: { monotonic: () => Date.now(), random: () => 0.5 },
    credentials: { token: () => Promise.resolve('t'), renew: () => Promise.resolve(true), ...credentials },
    connect: async (token) => {
      tokens.push(token)
      const life = lives.shift()
      if (life === undefined) return new Promise(() => undefined)
      if (!('after' in life)) return life
      await new Promise((resolve) => setTimeout(resolve, life.after))
      return life.kept
    },
    tell: (standing) => told.push(standing),
  })
  void keeper.run()
  return { keeper, told, tokens }
}

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0)
const offline = (told: readonly Standing[]): unknown[] =>
  told.flatMap((one) => (one.phase === 'offline' ? [[one.reason, one.waitMs]] : []))

describe('the keeper', () => {
  it('waits longer after each end, and begins anew after a steady life', async () => {
    const steady = { after: STEADY_MS, kept: ended(1006) }
    const { told } = kept({ lives: [ended(1006), ended(4408), ended(4429), steady] })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(offline(told)).toEqual([['network', 250], ['slow_consumer', 500], ['rate', 1_000], ['network', 250]])
  })

  it('stays away as long as it is told', async () => {
    const { told } = kept({ lives: [ended(4503, { awayMs: 4_000 }), ended(null, { reason: 'draining', awayMs: 0 })] })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(offline(told)).toEqual([['draining', 4_000], ['draining', 0]])
  })

  it.each([[4403, 'forbidden'], [1008, 'origin']])('does not come back after %i', async (code, reason) => {
    const { told, tokens } = kept({ lives: [ended(code)] })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(told.at(-1)).toEqual({ phase: 'stopped', reason })
    expect(tokens).toHaveLength(1)
  })

  it('comes back at once with new credentials, but not twice in a row', async () => {
    const { told } = kept({ lives: [ended(4401), ended(4401)] })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(offline(told)).toEqual([['unauthenticated', 0], ['unauthenticated', 250]])
  })

  it('mends its hello rather than its credentials where that is what was refused', async () => {
    const renew = vi.fn(() => Promise.resolve(true))
    const { told } = kept({ lives: [ended(4401, { mended: true })], credentials: { renew } })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(renew).not.toHaveBeenCalled()
    expect(offline(told)).toEqual([['network', 250]])
  })

  it('stops where there are no credentials any more', async () => {
    const none = kept({ lives: [ended(4401)], credentials: { renew: () => Promise.resolve(false) } })
    const refused = kept({ lives: [], credentials: { token: () => Promise.reject(new ApiError(401, {})) } })
    await settle()
    for (const { told } of [none, refused]) expect(told.at(-1)).toEqual({ phase: 'stopped', reason: 'unauthenticated' })
  })

  it('tries again where nobody can tell whether there are', async () => {
    const token = vi.fn().mockRejectedValueOnce(new TypeError('no network')).mockResolvedValue('t')
    const { told, tokens } = kept({ lives: [], credentials: { token } })
    await vi.advanceTimersByTimeAsync(60_000)
    expect(offline(told)).toEqual([['network', 250]])
    expect(tokens).toEqual(['t'])
  })

  it('tries at once when woken, and never again when stopped', async () => {
    const { keeper, told, tokens } = kept({ lives: [ended(1006), ended(null, { reason: 'silence' })] })
    await settle()
    expect(told.at(-1)).toMatchObject({ phase: 'offline' })
    keeper.wake()
    await settle()
    expect(tokens).toHaveLength(2)
    expect(offline(told).at(-1)).toEqual(['silence', 500])
    keeper.stop()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(tokens).toHaveLength(2)
    expect(await keeper.pause(1)).toBe(false)
  })

  it('says nothing more of a connection that ends after it was stopped', async () => {
    const { keeper, told } = kept({ lives: [{ after: 100, kept: ended(1006) }] })
    await settle()
    keeper.stop()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(told).toEqual([{ phase: 'connecting' }])
  })
})
