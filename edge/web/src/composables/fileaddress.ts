import { onScopeDispose, ref, watch, type Ref } from 'vue'
import type { FileId, Variant } from '@/sdk'
import { useMessaging } from '@/stores/messaging'

export interface FileAddress {
  /** Empty until it is known. */
  readonly url: Readonly<Ref<string>>
  readonly failed: Readonly<Ref<boolean>>
  /** What is there could not be loaded: once another address is asked for, the second time it has failed. */
  readonly broke: () => void
  readonly again: () => void
}

/** Where a file is that is shown; another one when `wanted` says so, null for none. */
export function useFileAddress(wanted: () => { readonly file: FileId; readonly variant: Variant } | null): FileAddress {
  const { files } = useMessaging().parley
  const url = ref('')
  const failed = ref(false)
  let round = 0
  let retried = false

  async function ask(): Promise<void> {
    const now = wanted()
    const mine = (round += 1)
    failed.value = false
    if (now === null) return
    try {
      const found = await files.url(now.file, now.variant)
      if (mine === round) url.value = found
    } catch {
      if (mine === round) failed.value = true
    }
  }
  const again = (): void => {
    retried = false
    void ask()
  }

  watch(() => `${wanted()?.file} ${wanted()?.variant}`, again, { immediate: true })
  onScopeDispose(() => (round += 1))
  return {
    url,
    failed,
    again,
    broke() {
      const now = wanted()
      if (now === null) return
      files.forget(now.file)
      url.value = ''
      if (retried) failed.value = true
      else {
        retried = true
        void ask()
      }
    },
  }
}
