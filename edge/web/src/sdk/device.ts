/** Who was signed in here last: so that the app opens without a network, and the next person sees nothing of it. */
import type { DBSchema, IDBPDatabase } from 'idb'
import { deleteDatabase, openDatabase } from './database'
import { Suspension } from './suspension'
import type { AccountId, Person } from './types'

const WHO = 'account'

interface Schema extends DBSchema {
  device: { key: string; value: Person }
}

/** Of the server `host`. Without `factory` nobody is remembered; neither where it does not work: a private window. */
export class Device {
  private readonly factory: IDBFactory | undefined
  private readonly host: string
  private readonly suspension: Suspension

  constructor(factory: IDBFactory | undefined, host: string, suspension = new Suspension()) {
    this.factory = factory
    this.host = host
    this.suspension = suspension
  }

  /** The database of an account. */
  database(account: AccountId): string {
    return `parley:${this.host}:${account}`
  }

  async last(): Promise<Person | null> {
    return (await this.use((db) => db.get('device', WHO))) ?? null
  }

  async remember(account: Person | null): Promise<void> {
    await this.use(async (db) => {
      if (account === null) await db.delete('device', WHO)
      else await db.put('device', account, WHO)
    })
  }

  /** Forget the account, and delete all that is stored of it. */
  async erase(account: AccountId): Promise<void> {
    await this.remember(null)
    if (this.factory === undefined) return
    await deleteDatabase(this.factory, this.database(account)).catch(() => undefined) // it was never there
  }

  private async use<T>(work: (db: IDBPDatabase<Schema>) => Promise<T>): Promise<T | undefined> {
    if (this.factory === undefined) return undefined
    try {
      const upgrade = (db: IDBDatabase): void => void db.createObjectStore('device')
      const db = await openDatabase<Schema>(this.factory, `parley:${this.host}`, 1, { upgrade, suspension: this.suspension })
      try {
        return await this.suspension.outlast(() => work(db))
      } finally {
        db.close()
      }
    } catch {
      return undefined
    }
  }
}
