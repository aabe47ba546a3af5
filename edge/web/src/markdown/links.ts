const SCHEMES = new Set(['http:', 'https:', 'mailto:'])

/** The address as a browser would follow it, if it is one that a message may link to; else null. */
export function safeHref(address: string): string | null {
  let url: URL
  try {
    url = new URL(address)
  } catch {
    return null
  }
  return SCHEMES.has(url.protocol) ? url.href : null
}

/**
 * The host to show behind a link whose text names another one: `[bank.example](https://thief.example)`. Null where the
 * text claims no host, or the true one.
 */
export function disguisedHost(text: string, href: string): string | null {
  const { host } = new URL(href)
  const claimed = /(?:^|[\s/@])((?:[\p{L}\p{N}-]+\.)+\p{L}{2,})/u.exec(text)?.[1]
  if (host === '' || claimed === undefined) return null
  let real: string
  try {
    real = new URL(`https://${claimed}`).host
  } catch {
    return host
  }
  return real === new URL(`https://${host}`).host.replace(/:\d+$/, '') ? null : host
}
