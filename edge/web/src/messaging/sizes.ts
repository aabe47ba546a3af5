const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const

/** So many bytes in words of the region: “1.4 MB”. */
export function sizeText(bytes: number, region: string): string {
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000
    unit += 1
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1
  return new Intl.NumberFormat(region, { style: 'unit', unit: UNITS[unit]!, unitDisplay: unit === 0 ? 'long' : 'short', maximumFractionDigits: digits }).format(value)
}

export const percentText = (part: number, region: string): string => new Intl.NumberFormat(region, { style: 'percent' }).format(part)

/** Of all bytes; an empty file is there at once. */
export const partOf = (sent: number, size: number): number => (size === 0 ? 1 : Math.min(1, sent / size))
