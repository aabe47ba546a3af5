import { ref, type Ref } from 'vue'
import { told } from '@/messaging/refusals'

export interface Trying {
  /** It is being done: whoever asked for it waits. */
  readonly busy: Readonly<Ref<boolean>>
  /** Why it was not done, in words for whoever asked for it; empty where all went well. */
  readonly trouble: Ref<string>
  /** Do it. Whether it was done; a fault is told by `trouble`, and nothing is raised. */
  readonly attempt: (work: () => Promise<unknown>) => Promise<boolean>
}

/** Something that the server may refuse, or not be there for. */
export function useTrying(words: (fault: unknown) => string = told): Trying {
  const busy = ref(false)
  const trouble = ref('')
  return {
    busy,
    trouble,
    async attempt(work) {
      busy.value = true
      trouble.value = ''
      try {
        await work()
        return true
      } catch (fault) {
        trouble.value = words(fault)
        return false
      } finally {
        busy.value = false
      }
    },
  }
}
