import type { MessageKey } from '@/i18n'

/** Every key that does something, in the order of the sheet that lists them; `messaging/keys.ts` says what each does. */
export const shortcuts: readonly { readonly where: MessageKey; readonly keys: readonly (readonly [keys: string, what: MessageKey])[] }[] = [
  {
    where: 'shortcuts.anywhere',
    keys: [
      ['Ctrl K', 'shortcuts.search'],
      ['Alt ↑', 'shortcuts.before'],
      ['Alt ↓', 'shortcuts.next'],
      ['?', 'shortcuts.sheet'],
      ['Esc', 'shortcuts.out'],
    ],
  },
  {
    where: 'shortcuts.writing',
    keys: [
      ['Enter', 'shortcuts.send'],
      ['Shift Enter', 'shortcuts.line'],
      ['↑', 'shortcuts.editLast'],
      ['@', 'shortcuts.mention'],
    ],
  },
  {
    where: 'shortcuts.message',
    keys: [
      ['↑ ↓', 'shortcuts.walk'],
      ['R', 'shortcuts.reply'],
      ['E', 'shortcuts.edit'],
      ['+', 'shortcuts.react'],
      ['C', 'shortcuts.copy'],
      ['Del', 'shortcuts.remove'],
      ['Enter', 'shortcuts.menu'],
    ],
  },
]
