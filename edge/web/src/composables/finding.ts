import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'

/** A pause in typing after which it is searched, in ms. */
const PAUSE = 150

export interface Finding<T> {
  readonly query: Ref<string>
  /** Null: not known yet. */
  readonly found: Readonly<ShallowRef<readonly T[] | null>>
  readonly fault: Readonly<ShallowRef<unknown>>
  /** What `found` or `fault` is the answer to; the query may be further by now. Null: nothing is answered yet. */
  readonly answered: Readonly<Ref<string | null>>
}

/** Searches while one types; an answer that comes after a newer question was asked is dropped. */
export function useFinding<T>(search: (query: string) => Promise<readonly T[]>): Finding<T> {
  const query = ref('')
  const found = shallowRef<readonly T[] | null>(null)
  const fault = shallowRef<unknown>(null)
  const answered = ref<string | null>(null)
  let latest = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  async function ask(): Promise<void> {
    const mine = ++latest
    const asked = query.value.trim()
    try {
      const answer = await search(asked)
      if (mine !== latest) return
      found.value = answer
      fault.value = null
    } catch (why) {
      if (mine !== latest) return
      fault.value = why
    }
    answered.value = asked
  }

  watch(query, () => {
    clearTimeout(timer)
    timer = setTimeout(() => void ask(), PAUSE)
  })
  onScopeDispose(() => {
    clearTimeout(timer)
    latest++
  })
  void ask()
  return { query, found, fault, answered }
}
