import { defineStore } from 'pinia'
import { computed, markRaw } from 'vue'
import { observed } from '@/composables/observed'
import { Parley, type AccountId, type ProjectId } from '@/sdk'

/** What the app knows of Parley: the SDK, and its values as refs. One for the whole app; it is never disposed of. */
export const useMessaging = defineStore('messaging', () => {
  const parley = markRaw(new Parley())
  const session = observed(parley.session)
  const people = observed(parley.people)
  const projects = observed(parley.projects)

  /** A name, as soon as it is known. Asking for it has it read. */
  function name(account: AccountId): string {
    return people.value.get(account)?.name ?? parley.person(account)?.name ?? '…'
  }

  /** A project's name, or nothing until it is known; likewise. */
  function project(id: ProjectId): string {
    return projects.value.get(id)?.name ?? parley.project(id)?.name ?? ''
  }

  return {
    parley,
    session,
    me: computed(() => session.value.account?.id ?? null),
    role: computed(() => session.value.account?.role ?? null),
    connection: observed(parley.connection),
    conversations: observed(parley.conversations),
    people,
    projects,
    presence: observed(parley.presence),
    typing: observed(parley.typing),
    unsent: observed(parley.unsent),
    storage: observed(parley.storage),
    name,
    project,
  }
})
