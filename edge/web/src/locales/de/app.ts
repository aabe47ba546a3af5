export const app = {
  name: 'Parley',
  notFound: 'Unter dieser Adresse gibt es nichts.',
  toStart: 'Zu den Gesprächen',
  unread: '{count} ungelesene Nachricht | {count} ungelesene Nachrichten',
} as const
