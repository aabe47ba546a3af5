import { i18n } from '@/i18n'

const MOST = 99

/** A count for a small place: beyond 99 it says no more than that. */
export const counted = (count: number): string => `${Math.min(count, MOST).toLocaleString(i18n.region.value)}${count > MOST ? '+' : ''}`
