import { useTrying, type Trying } from '@/composables/trying'
import { t } from '@/i18n'
import type { FileId } from '@/sdk'
import { useMessaging } from '@/stores/messaging'

/** Has the browser download a file; where that cannot begin, `trouble` says so. */
export function useDownloading(): Pick<Trying, 'busy' | 'trouble'> & { download: (file: FileId) => Promise<void> } {
  const { parley } = useMessaging()
  const { busy, trouble, attempt } = useTrying(() => t('files.downloadFailed'))
  return {
    busy,
    trouble,
    async download(file) {
      await attempt(async () => follow(await parley.files.url(file, 'original', { download: true })))
    },
  }
}

/** The answer is an attachment, so the page stays where it is. */
function follow(url: string): void {
  const link = document.createElement('a')
  link.href = url
  link.rel = 'noopener'
  link.download = ''
  document.body.append(link)
  link.click()
  link.remove()
}
