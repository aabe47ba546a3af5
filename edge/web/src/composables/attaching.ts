import { computed, ref, watch, type ComputedRef, type Ref } from 'vue'
import { i18n, t } from '@/i18n'
import { isBlocked, reasonText, troubleText } from '@/messaging/blocked'
import { shownName } from '@/messaging/filenames'
import { sizeText } from '@/messaging/sizes'
import type { Attachment, ConversationId, Limits, Timeline, Upload, UploadId } from '@/sdk'

/** What the tray needs of the world. */
export interface TrayPort {
  readonly conversation: ConversationId
  readonly uploads: Readonly<Ref<ReadonlyMap<UploadId, Upload>>>
  readonly limits: Readonly<Ref<Limits>>
  readonly timeline: Readonly<Ref<Timeline>>
  add(conversation: ConversationId, file: File): UploadId | null
  pause(id: UploadId): void
  resume(id: UploadId): void
  cancel(id: UploadId): void
  /** Tell the writer something, for a while. */
  say(text: string): void
}

/** The files that go with the next message. */
export interface Tray {
  readonly uploads: ComputedRef<readonly Upload[]>
  /** Something in it can be sent. */
  readonly filled: ComputedRef<boolean>
  /** What a screen reader is told. */
  readonly news: Readonly<Ref<string>>
  add(files: readonly File[]): void
  /** Those that go with the message that is sent now. */
  take(): UploadId[]
  pause(id: UploadId): void
  resume(id: UploadId): void
  cancel(id: UploadId): void
}

/** Newest entries in which a verdict is looked for. */
const LOOKED_AT = 50

export function useTray(port: TrayPort): Tray {
  const uploads = computed(() => [...port.uploads.value.values()].filter((one) => one.conversation === port.conversation && one.message === null))
  const sendable = computed(() => uploads.value.filter(({ phase }) => phase !== 'failed'))
  const news = ref('')

  function add(files: readonly File[]): void {
    const { file: most, attachments } = port.limits.value
    let room = attachments - sendable.value.length
    for (const file of files) {
      const name = shownName(file.name)
      if (most !== null && file.size > most) port.say(t('files.over', { name, size: sizeText(most, i18n.region.value) }))
      else if (room <= 0) return port.say(t('files.tooMany', { most: attachments }))
      else if (port.add(port.conversation, file) === null) return port.say(t('files.tooManyWaiting'))
      else room -= 1
    }
  }

  // Of every file of this conversation, also one whose message is sent already, the end is told once.
  watch(port.uploads, (now, before) => {
    for (const [id, { name, phase, trouble, conversation }] of now) {
      if (conversation !== port.conversation || phase === before.get(id)?.phase) continue
      if (phase === 'done') news.value = t('files.uploaded', { name: shownName(name) })
      if (phase === 'failed') news.value = t('files.failedAloud', { name: shownName(name), reason: troubleText(trouble ?? 'refused') })
    }
  })
  const open = new Set<string>()
  watch(
    port.timeline,
    ({ entries }) => {
      for (const entry of entries.slice(-LOOKED_AT)) {
        if (entry.kind !== 'message') continue
        for (const file of entry.attachments) judge(file)
      }
    },
    { immediate: true },
  )
  /** Only what was seen unblocked before is news. */
  function judge(file: Attachment): void {
    if (!isBlocked(file)) open.add(file.id)
    else if (open.delete(file.id)) news.value = t('files.blockedAloud', { name: shownName(file.name), reason: file.state === 'infected' ? t('files.infectedPlain') : reasonText(file.reason) })
  }

  return {
    uploads,
    filled: computed(() => sendable.value.length > 0),
    news,
    add,
    take: () => sendable.value.map(({ id }) => id),
    pause: (id) => port.pause(id),
    resume: (id) => port.resume(id),
    cancel: (id) => port.cancel(id),
  }
}
