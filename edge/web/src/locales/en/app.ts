export const app = {
  name: 'Parley',
  notFound: 'There is nothing at this address.',
  toStart: 'To the conversations',
  unread: '{count} unread message | {count} unread messages',
} as const
