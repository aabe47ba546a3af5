import { computed, nextTick, onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import type { VirtualizerHandle } from 'virtua/vue'
import type { Timeline } from '@/sdk'
import type { Chat } from '@/components/messaging/chat'
import { indexOfSeq, rowAt, rowCount, timeOf } from '@/messaging/rows'
import { dayOf } from '@/messaging/days'
import { changeOf, isAtEnd, newBehind, seqAt, wantsOlder } from '@/messaging/scrolling'
import { firstUnread, missingUnread } from '@/messaging/unread'

/** A day line is so high: where the next one comes, the sticking one makes room. */
const DAY_LINE = 36

export interface Scrolling {
  /** What is on screen: the chat's timeline, at most a tick behind it. */
  readonly shown: Readonly<ShallowRef<Timeline>>
  /** As many holes as there are rows: a virtual list wants an array, and ours is looked up by index. */
  readonly holes: Readonly<ShallowRef<undefined[]>>
  readonly shift: Readonly<Ref<boolean>>
  readonly ready: Readonly<Ref<boolean>>
  readonly atEnd: Readonly<Ref<boolean>>
  readonly newCount: Readonly<Ref<number>>
  /** Above this seq stands the “new since” line. */
  readonly divider: Readonly<Ref<number | null>>
  /** The time whose day sticks at the top; null where a day line is there itself. */
  readonly stuckDay: Readonly<Ref<number | null>>
  /** The message that was jumped to, until the next jump. */
  readonly found: Readonly<Ref<number | null>>
  readonly onScroll: () => void
  readonly onResize: () => void
  readonly toEnd: () => void
  readonly toRow: (index: number) => void
  /** False: there is no such message. */
  readonly jump: (seq: number) => Promise<boolean>
}

/**
 * Where the reader is in a conversation, and that he stays there: what is prepended, appended or measured moves nothing
 * he reads; at the end the list follows. Per change it compares ends and looks up rows by seq: nothing is O(n).
 */
export function useScrolling(chat: Chat, list: Readonly<ShallowRef<VirtualizerHandle | null>>, reportReset: () => void): Scrolling {
  const { timeline, me } = chat
  const shown = shallowRef(timeline.value)
  const holes = shallowRef<undefined[]>([])
  const shift = ref(false)
  const ready = ref(false)
  const atEnd = ref(true)
  const divider = ref<number | null>(null)
  const stuckDay = ref<number | null>(null)
  const found = ref<number | null>(null)
  /** Up to here nothing is news: it was read, or seen at the end. */
  let base = timeline.value.read
  const seen = ref(timeline.value.cursor)
  let lastOffset = 0
  let opening = false
  /** A jump is under way: scrolling that was begun before it says nothing about where the reader is. */
  let jumping = 0

  const watched = () => document.visibilityState === 'visible' && document.hasFocus()
  const newCount = computed(() => (atEnd.value ? 0 : newBehind(shown.value, seen.value, me.value)))

  function setRows(count: number): void {
    if (holes.value.length === count) return
    const rows: undefined[] = []
    rows.length = count
    holes.value = rows
  }

  function toEnd(): void {
    atEnd.value = true
    const count = holes.value.length
    if (count > 0) list.value?.scrollToIndex(count - 1, { align: 'end' })
    look()
  }

  /** After anything moved: what day it is, what has been read, whether more is wanted. */
  function look(): void {
    const handle = list.value
    if (handle === null || !ready.value || holes.value.length === 0) return
    const { scrollOffset, viewportSize } = handle
    const first = handle.findItemIndex(scrollOffset)
    stick(handle, first)
    if (wantsOlder(shown.value, first)) void chat.loadOlder()
    if (atEnd.value) seen.value = shown.value.cursor
    if (!watched()) return
    const seq = atEnd.value ? shown.value.cursor : seqAt(shown.value, handle.findItemIndex(scrollOffset + viewportSize - DAY_LINE))
    if (seq > shown.value.read) chat.markRead(seq)
  }

  function stick(handle: VirtualizerHandle, first: number): void {
    const row = rowAt(shown.value, first)
    const below = rowAt(shown.value, handle.findItemIndex(handle.scrollOffset + DAY_LINE))
    const begins = first === 0 || dayOf(timeOf(rowAt(shown.value, first - 1)!)) !== dayOf(timeOf(row!))
    const ownLine = begins && handle.scrollOffset - handle.getItemOffset(first) < DAY_LINE
    const sameDay = row !== undefined && below !== undefined && dayOf(timeOf(row)) === dayOf(timeOf(below))
    const day = ownLine || !sameDay ? null : timeOf(row)
    // Another time of the same day would have the whole list drawn again.
    if (day === null || stuckDay.value === null || dayOf(day) !== dayOf(stuckDay.value)) stuckDay.value = day
  }

  function onScroll(): void {
    const handle = list.value
    if (handle === null) return
    const { scrollOffset, viewportSize, scrollSize } = handle
    // Only going up leaves the end: rows that are measured or appended move the end away, not the reader.
    if (isAtEnd(scrollOffset, viewportSize, scrollSize)) atEnd.value = jumping === 0
    else if (scrollOffset < lastOffset - 1) atEnd.value = false
    lastOffset = scrollOffset
    look()
  }

  function onResize(): void {
    if (ready.value && atEnd.value) toEnd()
    else look()
  }

  async function apply(next: Timeline): Promise<void> {
    const change = changeOf(shown.value, next)
    if (change.reset) {
      reportReset()
      ready.value = false
      shown.value = next
      setRows(rowCount(next))
      return open()
    }
    follow(next, change.said, change.appended > 0)
    shown.value = next
    const count = rowCount(next)
    shift.value = change.prepended > 0
    // With `shift` the list keeps its distance from the end, so what came behind has to wait for the next tick.
    if (shift.value && change.appended !== 0) {
      setRows(count - change.appended)
      await nextTick()
      shift.value = false
    }
    setRows(count)
    await nextTick()
    shift.value = false
    if (change.said || (atEnd.value && change.appended !== 0)) toEnd()
    else look()
  }

  /** What comes while somebody looks is no news; what comes behind his back gets the line above it. */
  function follow(next: Timeline, said: boolean, appended: boolean): void {
    if (said) divider.value = null
    if (said || (atEnd.value && watched())) base = next.cursor
    else if (divider.value === null && appended) divider.value = firstUnread(next, base, me.value)
  }

  /** The first time that there is something to show, and after the log became another. */
  async function open(): Promise<void> {
    if (opening) return
    if (timeline.value.entries.length === 0 && timeline.value.outgoing.length === 0) {
      // It may say why there is nothing.
      shown.value = timeline.value
      return
    }
    opening = true
    // How far one has read may still be on its way; without a network what is here has to do.
    await chat.ready
    base = timeline.value.read
    const missing = missingUnread(timeline.value)
    // Without it the conversation opens at its end, which is better than not at all.
    if (missing !== null) await chat.loadTo(missing)
    shown.value = timeline.value
    divider.value = firstUnread(shown.value, base, me.value)
    setRows(rowCount(shown.value))
    await nextTick()
    ready.value = true
    opening = false
    if (divider.value === null) toEnd()
    else {
      atEnd.value = false
      seen.value = base
      list.value?.scrollToIndex(indexOfSeq(shown.value.entries, divider.value), { align: 'start', offset: -DAY_LINE })
      // Where all of it fits nothing scrolls, so nothing else would tell that its end is seen. By then the rows are measured.
      void frame().then(frame).then(() => {
        const handle = list.value
        if (handle === null || handle.scrollSize > handle.viewportSize) return
        atEnd.value = true
        look()
      })
    }
  }

  function toRow(index: number): void {
    list.value?.scrollToIndex(index, { align: 'nearest' })
  }

  async function jump(seq: number): Promise<boolean> {
    await chat.loadTo(seq)
    await until(() => ready.value && shown.value === timeline.value)
    // What was prepended is measured in the next frame, which keeps the distance to the end: only then is it our turn.
    await frame()
    await frame()
    const index = indexOfSeq(shown.value.entries, seq)
    const entry = shown.value.entries[index]
    if (entry === undefined || (entry.seq !== seq && timeline.value.floor >= seq)) return false
    atEnd.value = false
    found.value = entry.seq
    jumping++
    list.value?.scrollToIndex(index, { align: 'center' })
    // Events of scrolling come with the frame; once two have passed, what comes is this jump's or later.
    void frame().then(frame).then(() => jumping--)
    return entry.seq === seq
  }

  const frame = () => new Promise<void>((resolve) => requestAnimationFrame(() => resolve()))

  /** Resolves when it holds; given up with the scope. */
  function until(holds: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const stop = watch(holds, (now) => now && queueMicrotask(() => (stop(), resolve())), { immediate: true, flush: 'post' })
    })
  }

  watch(timeline, (next) => (ready.value ? apply(next) : open()), { immediate: true })
  const back = () => look()
  document.addEventListener('visibilitychange', back)
  window.addEventListener('focus', back)
  onScopeDispose(() => {
    document.removeEventListener('visibilitychange', back)
    window.removeEventListener('focus', back)
  })

  return { shown, holes, shift, ready, atEnd, newCount, divider, stuckDay, found, onScroll, onResize, toEnd, toRow, jump }
}
