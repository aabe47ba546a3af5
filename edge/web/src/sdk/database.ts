/** IndexedDB, opened where the environment says it is: `idb` itself knows the global one only. */
import { type DBSchema, type IDBPDatabase, wrap } from 'idb'
import type { Suspension } from './suspension'

export interface Opening {
  /** Called within the transaction that brings the database from version `from` (0: it is new) to the present one. */
  readonly upgrade: (db: IDBDatabase, from: number) => void
  readonly suspension: Suspension
}

/** Raises what IndexedDB does where there is none, or a newer one. */
export async function openDatabase<S extends DBSchema>(
  factory: IDBFactory,
  name: string,
  version: number,
  { upgrade, suspension }: Opening,
): Promise<IDBPDatabase<S>> {
  const request = factory.open(name, version)
  request.onupgradeneeded = ({ oldVersion }) => upgrade(request.result, oldVersion)
  const db = await new Promise<IDBDatabase>((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('IndexedDB does not open.'))
  })
  // Another tab deletes it, or brings a newer version: not to stand in its way matters more than this tab's store.
  db.onversionchange = () => db.close()
  suspension.watch(db)
  return wrap(db) as IDBPDatabase<S>
}

/** Resolves when it is gone; tabs that have it open close it. */
export async function deleteDatabase(factory: IDBFactory, name: string): Promise<void> {
  const request = factory.deleteDatabase(name)
  await new Promise<void>((resolve, reject) => {
    request.onsuccess = () => resolve()
    request.onerror = () => reject(request.error ?? new Error('IndexedDB does not delete.'))
  })
}
