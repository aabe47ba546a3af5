/**
 * A page that is put aside as it is (the back/forward cache) runs no script, so its transactions would not end before it
 * comes back; every other page that wants the same stores would wait for it, and show nothing. WebKit does not see to that
 * itself. So they are aborted when the page is put aside, and what they were for is done again when it comes back.
 */
import { wrap } from 'idb'
import type { Environment } from './environment'

export class Suspension {
  private readonly running = new Set<IDBTransaction>()
  private resume: (() => void) | null = null
  private over: Promise<void> = Promise.resolve()
  private times = 0

  constructor(onSuspend: Environment['onSuspend'] = () => () => undefined) {
    onSuspend((suspended) => (suspended ? this.begin() : this.end()))
  }

  /** Know the transactions of this connection. */
  watch(db: IDBDatabase): void {
    const begin = db.transaction.bind(db)
    db.transaction = (...given) => {
      if (this.resume !== null) throw new DOMException('The page is put aside.', 'AbortError')
      const transaction = begin(...given)
      this.running.add(transaction)
      // Whoever waits for its requests need not wait for this promise of `idb`, too.
      wrap(transaction).done.catch(() => undefined)
      for (const end of ['complete', 'abort']) transaction.addEventListener(end, () => this.running.delete(transaction))
      return transaction
    }
  }

  /** Do it; where the page was put aside meanwhile, do it again when it is back. Raises what `work` does. */
  async outlast<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      while (this.resume !== null) await this.over
      const { times } = this
      try {
        return await work()
      } catch (fault) {
        if (this.times === times) throw fault
      }
    }
  }

  private begin(): void {
    if (this.resume !== null) return
    this.times++
    this.over = new Promise((resolve) => (this.resume = resolve))
    for (const transaction of this.running) transaction.abort()
    this.running.clear()
  }

  private end(): void {
    this.resume?.()
    this.resume = null
  }
}
