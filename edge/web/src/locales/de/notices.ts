export const notices = {
  here: 'Neue Nachrichten in anderen Unterhaltungen',
  mentionsYou: 'erwähnt Sie',
  mentioned: '{name} erwähnt Sie',
  dismiss: 'Ausblenden',
  title: 'Benachrichtigungen',
  sound: 'Einen Ton abspielen',
  desktop: 'Auf dem Desktop anzeigen',
  device: 'Auf diesem Gerät anzeigen',
  refused: 'Der Browser erlaubt dieser Seite keine Benachrichtigungen. Erlauben Sie sie in den Einstellungen des Browsers für diese Seite und schalten Sie sie dann hier ein.',
}
