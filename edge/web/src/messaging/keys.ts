/** Which key does what, apart from the components that do it. */

export interface Key {
  readonly key: string
  readonly shiftKey: boolean
  readonly ctrlKey: boolean
  readonly metaKey: boolean
  readonly altKey: boolean
  /** An input method is composing: its keys are not ours. */
  readonly isComposing: boolean
}

export interface ComposerState {
  readonly empty: boolean
  readonly choosing: boolean
  readonly editing: boolean
  readonly replying: boolean
  /** Enter makes a new line where there is no other key for it: on a phone. */
  readonly touch: boolean
}

export type ComposerAction = 'send' | 'edit-last' | 'cancel' | 'choose' | 'choose-next' | 'choose-previous' | 'stop-choosing'

/** What a key does in the composer; null: what it does in any text. */
export function composerAction(key: Key, state: ComposerState): ComposerAction | null {
  if (key.isComposing || key.altKey) return null
  const plain = !key.shiftKey && !key.ctrlKey && !key.metaKey
  if (state.choosing && plain) {
    const action = CHOOSING[key.key]
    if (action !== undefined) return action
  }
  if (key.key === 'Enter' && !key.shiftKey && (!state.touch || key.ctrlKey || key.metaKey)) return 'send'
  if (key.key === 'ArrowUp' && plain && state.empty && !state.editing) return 'edit-last'
  if (key.key === 'Escape' && (state.editing || state.replying)) return 'cancel'
  return null
}

const CHOOSING: Readonly<Record<string, ComposerAction>> = {
  Enter: 'choose',
  Tab: 'choose',
  ArrowDown: 'choose-next',
  ArrowUp: 'choose-previous',
  Escape: 'stop-choosing',
}

export type MessageAction = 'next' | 'previous' | 'first' | 'last' | 'reply' | 'edit' | 'react' | 'copy' | 'delete' | 'menu' | 'leave'

const ON_MESSAGE: Readonly<Record<string, MessageAction>> = {
  ArrowDown: 'next',
  ArrowUp: 'previous',
  Home: 'first',
  End: 'last',
  r: 'reply',
  e: 'edit',
  '+': 'react',
  c: 'copy',
  Delete: 'delete',
  Enter: 'menu',
  ContextMenu: 'menu',
  Escape: 'leave',
}

/** What a key does on a focused message. `+` needs Shift on many keyboards, so Shift does not matter here. */
export function messageAction(key: Key): MessageAction | null {
  if (key.isComposing || key.altKey || key.ctrlKey || key.metaKey) return null
  return ON_MESSAGE[key.key] ?? null
}
