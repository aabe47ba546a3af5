import { ref, type InjectionKey, type Ref } from 'vue'
import type { ProjectId } from '@/sdk'
import type { Standing } from './chosen'

/** What of the list is shown: chosen in it, and from the rail and the palette beside it. */
export interface Choice {
  readonly query: Ref<string>
  readonly standing: Ref<Standing>
  readonly unread: Ref<boolean>
  readonly project: Ref<ProjectId | null>
}

export const CHOICE: InjectionKey<Choice> = Symbol('choice')

export const makeChoice = (): Choice => ({ query: ref(''), standing: ref<Standing>('all'), unread: ref(false), project: ref(null) })
