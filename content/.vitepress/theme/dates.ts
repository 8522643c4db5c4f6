const DAY = 86_400_000

/** "March 2, 2027" */
export function longDate(iso: string): string {
  return format(iso, { year: 'numeric', month: 'long', day: 'numeric' })
}

/** "Tuesday, March 2nd" */
export function stampDate(iso: string): string {
  if (!iso) return ''
  const day = Number(iso.slice(8, 10))
  const ending = day % 100 > 10 && day % 100 < 14 ? 'th' : (['th', 'st', 'nd', 'rd'][day % 10] ?? 'th')
  return format(iso, { weekday: 'long', month: 'long', day: 'numeric' }) + ending
}

/**
 * The day a stamp such as "Tuesday, March 2nd" means. Without a year it is the first such day since the page appeared,
 * and only if the weekday agrees; otherwise nobody knows.
 */
export function dayOfStamp(text: string, since: string): string | undefined {
  const match = /(?:(\w+day),?\s+)?([A-Z][a-z]+)\s+(\d{1,2})(?:st|nd|rd|th)?(?:,?\s+(\d{4}))?$/.exec(text.trim())
  if (!match || (!match[4] && !since)) return undefined
  const [, weekday, month, day, year] = match
  const first = Number(year ?? since.slice(0, 4))
  for (const candidate of year ? [first] : [first, first + 1]) {
    const time = Date.parse(`${month} ${day}, ${candidate} UTC`)
    if (Number.isNaN(time)) return undefined
    const iso = new Date(time).toISOString().slice(0, 10)
    if (!year && iso < since) continue
    return !weekday || format(iso, { weekday: 'long' }) === weekday ? iso : undefined
  }
  return undefined
}

/** "in 3 days", seen from the reader's own calendar; nothing once the day is over. */
export function fromToday(iso: string): string {
  const now = new Date()
  const days = Math.round((Date.parse(iso.slice(0, 10)) - Date.UTC(now.getFullYear(), now.getMonth(), now.getDate())) / DAY)
  if (Number.isNaN(days) || days < 0) return ''
  const words = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
  if (days < 15) return words.format(days, 'day')
  return days < 60 ? words.format(Math.round(days / 7), 'week') : words.format(Math.round(days / 30.44), 'month')
}

function format(iso: string, options: Intl.DateTimeFormatOptions): string {
  const time = Date.parse(iso)
  return Number.isNaN(time) ? '' : new Intl.DateTimeFormat('en-US', { ...options, timeZone: 'UTC' }).format(time)
}
