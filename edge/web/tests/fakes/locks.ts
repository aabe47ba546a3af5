/** Web Locks for where there are none (Node): one manager stands for a browser, each tab asks through its own view. */

interface Waiting {
  readonly tab: object
  readonly grant: () => void
}

type Request = LockManager['request']

export class FakeLocks {
  private readonly held = new Map<string, object>()
  private readonly queues = new Map<string, Waiting[]>()
  private readonly dead = new WeakSet()

  /** A tab's view; `die` gives up all that it holds and waits for, as a browser does when a tab is gone. */
  tab(): { request: Request; die: () => void } {
    const tab = {}
    const request = (async (name: string, options: LockOptions, callback: () => Promise<unknown>) => {
      await this.turn(name, tab, options.signal)
      if (this.dead.has(tab)) return new Promise(() => undefined)
      try {
        return await callback()
      } finally {
        if (!this.dead.has(tab)) this.release(name)
      }
    }) as Request
    return { request, die: () => this.die(tab) }
  }

  private turn(name: string, tab: object, signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted === true) return Promise.reject(new DOMException('aborted', 'AbortError'))
    if (!this.held.has(name)) {
      this.held.set(name, tab)
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const waiting = { tab, grant: resolve }
      const queue = this.queues.get(name) ?? []
      queue.push(waiting)
      this.queues.set(name, queue)
      signal?.addEventListener('abort', () => {
        const at = queue.indexOf(waiting)
        if (at < 0) return
        queue.splice(at, 1)
        reject(new DOMException('aborted', 'AbortError'))
      })
    })
  }

  private release(name: string): void {
    this.held.delete(name)
    const next = this.queues.get(name)?.shift()
    if (next === undefined) return
    this.held.set(name, next.tab)
    next.grant()
  }

  private die(tab: object): void {
    this.dead.add(tab)
    for (const queue of this.queues.values()) {
      for (const waiting of queue.filter((one) => one.tab === tab)) queue.splice(queue.indexOf(waiting), 1)
    }
    for (const [name, holder] of [...this.held]) if (holder === tab) this.release(name)
  }
}
