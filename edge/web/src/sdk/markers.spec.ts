// @vitest-environment node
import { describe, expect, it } from 'vitest'
import { AGAIN_MS, DELIVERED_MS, Markers } from './markers'

const read = (seq: number): object => ({ type: 'read', conversation: 'talk', seq })
const delivered = (seq: number): object => ({ type: 'delivered', conversation: 'talk', seq })

describe('markers', () => {
  it('are said again until their receipt comes', () => {
    const markers = new Markers()
    expect(markers.wake(0)).toBeNull()
    markers.want('read', 'talk', 5)
    expect(markers.due(0)).toEqual([read(5)])
    expect(markers.wake(0)).toBe(AGAIN_MS)
    expect(markers.due(AGAIN_MS - 1)).toEqual([])
    expect(markers.due(AGAIN_MS)).toEqual([read(5)])
    markers.receipt('talk', 5, 5)
    expect(markers.wake(0)).toBeNull()
    markers.receipt('unknown', 1, 1)
  })

  it('go only forward', () => {
    const markers = new Markers()
    markers.want('read', 'talk', 5)
    markers.want('read', 'talk', 3)
    expect(markers.due(0)).toEqual([read(5)])
    markers.receipt('talk', 4, 4)
    expect(markers.due(AGAIN_MS)).toEqual([read(5)])
    markers.receipt('talk', 7, 7)
    markers.want('read', 'talk', 6)
    expect(markers.due(99_999)).toEqual([])
  })

  it('say a farther `read` at once, a farther `delivered` once a second', () => {
    const markers = new Markers()
    markers.want('read', 'talk', 1)
    markers.want('delivered', 'talk', 1)
    expect(markers.due(0)).toEqual([read(1), delivered(1)])
    markers.want('read', 'talk', 2)
    markers.want('delivered', 'talk', 2)
    expect(markers.due(10)).toEqual([read(2)])
    expect(markers.wake(10)).toBe(DELIVERED_MS)
    expect(markers.due(DELIVERED_MS)).toEqual([delivered(2)])
  })

  it('are said again on the next connection, and forgotten with the conversation', () => {
    const markers = new Markers()
    markers.want('read', 'talk', 5)
    markers.due(0)
    markers.disconnected()
    expect(markers.due(1)).toEqual([read(5)])
    markers.forget('talk')
    expect(markers.wake(0)).toBeNull()
  })
})
