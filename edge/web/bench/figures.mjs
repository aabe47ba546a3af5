/** The value below which a share of the values lies. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
}

export const median = (values) => quantile(values, 0.5)
export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length

/**
 * What the main thread does while `action` runs: `frames`, the milliseconds of work between one mark of `frame` and the
 * next, and `tasks`, those of each task. Counted is the thread's processor time: what other programs of the machine take
 * meanwhile is not the page's work.
 */
export async function traced(page, action) {
  await page.tracing.start({ categories: ['disabled-by-default-devtools.timeline', 'blink.user_timing'] })
  await action()
  const { traceEvents } = JSON.parse(new TextDecoder().decode(await page.tracing.stop()))
  const marks = traceEvents.filter(({ name, cat }) => name === 'frame' && cat.includes('blink.user_timing')).sort((a, b) => a.ts - b.ts)
  if (marks.length < 2) throw new Error('the trace holds no frames')
  const { pid, tid } = marks[0]
  const tasks = traceEvents.filter((one) => one.pid === pid && one.tid === tid && one.ph === 'X' && one.name === 'RunTask' && one.ts >= marks[0].ts && one.ts < marks.at(-1).ts)
  if (tasks.length === 0) throw new Error('the trace holds no tasks')
  const frames = new Array(marks.length - 1).fill(0)
  let at = 0
  for (const task of tasks.sort((a, b) => a.ts - b.ts)) {
    while (at < frames.length - 1 && marks[at + 1].ts <= task.ts) at++
    frames[at] += task.tdur / 1000
  }
  return { frames, tasks: tasks.map(({ tdur }) => tdur / 1000) }
}
