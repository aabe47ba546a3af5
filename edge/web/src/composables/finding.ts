import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'

/** A pause in typing after which it is searched, in ms. */
const PAUSE = 150

export interface Finding<T> {
  readonly query: Ref<string>
  /** Null: not known yet. */
  readonly found: Readonly<ShallowRef<readonly T[] | null>>
  readonly fault: Readonly<ShallowRef<unknown>>
}

/** Searches while one types; an answer that comes after a newer question was asked is dropped. */
export function useFinding<T>(search: (query: string) => Promise<readonly T[]>): Finding<T> {
  const query = ref('')
  const found = shallowRef<readonly T[] | null>(null)
  const fault = shallowRef<unknown>(null)
  let latest = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  async function ask(): Promise<void> {
    const mine = ++latest
    try {
      const answer = await search(query.value.trim())
      if (mine !== latest) return
      found.value = answer
      fault.value = null
    } catch (why) {
      if (mine === latest) fault.value = why
    }
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
  return { query, found, fault }
}
