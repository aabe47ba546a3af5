import { t, type MessageKey } from '@/i18n'
import type { Attachment, UploadTrouble } from '@/sdk'

const REASONS: Readonly<Record<string, MessageKey>> = {
  type_not_allowed: 'files.notAllowed',
  type_mismatch: 'files.type_mismatch',
  damaged: 'files.damaged',
  macros: 'files.macros',
  encrypted: 'files.encrypted',
  too_many_entries: 'files.too_many_entries',
  unpacks_too_large: 'files.unpacks_too_large',
  nested_too_deep: 'files.nested_too_deep',
  unsafe_entry: 'files.unsafe_entry',
  too_many_pixels: 'files.too_many_pixels',
  too_many_frames: 'files.too_many_frames',
  trailing_data: 'files.trailing_data',
  active_content: 'files.active_content',
  too_hard: 'files.too_hard',
}

/** Why a file was rejected, in words. */
export const reasonText = (code: string | null): string => t(REASONS[code ?? ''] ?? 'files.unknownReason')

/** Why a file did not get to the server, in words. */
export const troubleText = (trouble: UploadTrouble): string => t(`files.${trouble}`)

/** What there is to know of a file before it can be opened; empty: it can be. */
export function stateText({ state, reason, signature }: Pick<Attachment, 'state' | 'reason' | 'signature'>): string {
  if (state === 'clean') return ''
  if (state === 'deleted') return t('files.deleted')
  if (state === 'rejected') return t('files.rejected', { reason: reasonText(reason) })
  if (state === 'infected') return signature === null ? t('files.infectedPlain') : t('files.infected', { signature })
  return t('files.scanning')
}

export const isBlocked = ({ state }: Pick<Attachment, 'state'>): boolean => state === 'infected' || state === 'rejected'
