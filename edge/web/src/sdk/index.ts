export type * from './types'
export { newId } from './ids'
