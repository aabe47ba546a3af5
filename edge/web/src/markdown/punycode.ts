/**
 * What markdown-it asks of `punycode.js`, from what every browser has: hosts of other scripts as the network spells them
 * (UTS 46, by the URL Standard). They are shown so, too: a name that looks like another one is no disguise then.
 */
const toASCII = (host: string): string => {
  try {
    return new URL(`http://${host}`).hostname
  } catch {
    return host
  }
}
const toUnicode = (host: string): string => host

export { toASCII, toUnicode }
export default { toASCII, toUnicode }
