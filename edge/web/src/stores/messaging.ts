import { defineStore } from 'pinia'
import { computed, markRaw } from 'vue'
import { observed } from '@/composables/observed'
import { Parley, type AccountId, type ConversationId, type ProjectId } from '@/sdk'

/** What the app knows of Parley: the SDK, and its values as refs. One for the whole app; it is never disposed of. */
export const useMessaging = defineStore('messaging', () => {
  const parley = markRaw(new Parley())
  const session = observed(parley.session)
  const people = observed(parley.people)
  const projects = observed(parley.projects)
  const conversations = observed(parley.conversations)

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
    conversations,
    /** Of all conversations together. */
    unread: computed(() => conversations.value.reduce((sum, one) => sum + one.unread, 0)),
    /** The projects that conversations are of, each once. */
    inProjects: computed(() => [...new Set(conversations.value.flatMap((one) => one.project ?? []))].map((id) => ({ id, name: project(id) }))),
    subject: (id: ConversationId) => conversations.value.find((one) => one.id === id)?.subject ?? '',
    /** What conversations are searched by, beside their own words; asks nobody for a name. */
    words: { project, person: (id: AccountId) => people.value.get(id)?.name ?? '' },
    session,
    me: computed(() => session.value.account?.id ?? null),
    role: computed(() => session.value.account?.role ?? null),
    connection: observed(parley.connection),
    unlisted: observed(parley.unlisted),
    people,
    projects,
    presence: observed(parley.presence),
    typing: observed(parley.typing),
    drafts: observed(parley.drafts.all),
    unsent: observed(parley.unsent),
    unsentIn: observed(parley.unsentIn),
    storage: observed(parley.storage),
    name,
    project,
  }
})
