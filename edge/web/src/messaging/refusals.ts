import { t } from '@/i18n'
import { ApiError, Unreachable } from '@/sdk'

const TOLD = {
  forbidden: 'people.refusedForbidden',
  not_found: 'people.refusedNotFound',
  closed: 'people.refusedClosed',
  invalid: 'people.refusedInvalid',
  rate_limited: 'people.refusedBusy',
  overloaded: 'people.refusedBusy',
  disabled: 'people.refusedDisabled',
  unauthenticated: 'people.refusedSession',
} as const

/** Why something was not done, in words for whoever asked for it. */
export function told(fault: unknown): string {
  if (fault instanceof Unreachable) return t('people.refusedUnreachable')
  if (fault instanceof ApiError && fault.code in TOLD) return t(TOLD[fault.code as keyof typeof TOLD])
  return t('people.refusedUnknown')
}
