import { onScopeDispose, readonly, ref, watch, type Ref } from 'vue'

/** True once it has been so for this long, in ms, and until it is not: what passes at once is nobody's business. */
export function useLasting(is: () => boolean, ms: number): Readonly<Ref<boolean>> {
  const lasting = ref(false)
  let timer: ReturnType<typeof setTimeout> | undefined

  watch(
    is,
    (now) => {
      clearTimeout(timer)
      lasting.value = false
      if (now) timer = setTimeout(() => (lasting.value = true), ms)
    },
    { immediate: true },
  )
  onScopeDispose(() => clearTimeout(timer))
  return readonly(lasting)
}
