import { t } from '@/i18n'
import { plainText } from '@/markdown/plain'
import type { Message } from '@/sdk'
import { shownName } from './filenames'

/** What a message says, in one line: its text, else the names of its files. Empty: it was deleted. */
export function saidText({ body, attachments }: Pick<Message, 'body' | 'attachments'>, limit?: number): string {
  if (body === null) return ''
  const text = plainText(body, limit)
  if (text !== '' || attachments.length === 0) return text
  return `${t('files.attached', { count: attachments.length })}: ${attachments.map(({ name }) => shownName(name)).join(', ')}`.slice(0, limit ?? 200)
}
