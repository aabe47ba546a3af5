export const notices = {
  here: 'New messages elsewhere',
  mentionsYou: 'mentions you',
  mentioned: '{name} mentions you',
  dismiss: 'Dismiss',
  title: 'Notifications',
  sound: 'Play a sound',
  desktop: 'Show them on the desktop',
  device: 'Show them on this device',
  refused: 'The browser does not allow this page to show notifications. Allow it in the browser’s settings for this site, then switch it on here.',
} as const
