import type { Readable } from 'node:stream'
import { isFleetError } from '../errors.js'

/** Where archives are kept: objects by name, each written once. */
export interface ArchiveStore {
  /**
   * Writes an object under a name that is not taken: it is there as a whole, or not at all. What the content fails with is passed
   * on when it is a FleetError. Errors: ARCHIVE_OBJECT_EXISTS, ARCHIVE_STORE_FAILED, ABORTED.
   */
  write(name: string, content: Readable, signal?: AbortSignal): Promise<void>
  /** An object as a stream, which fails with ARCHIVE_STORE_FAILED when it breaks off. Errors: ARCHIVE_UNKNOWN, ARCHIVE_STORE_FAILED, ABORTED. */
  read(name: string, signal?: AbortSignal): Promise<Readable>
  /** Removes an object, and what an interrupted write of it left. Harmless when there is none. Errors: ARCHIVE_STORE_FAILED. */
  remove(name: string): Promise<void>
  /** Closes connections. Harmless to repeat. */
  close(): void
}

/** Asks a store for an object that nobody has: it answers, or ARCHIVE_STORE_FAILED tells why not before anything is begun. */
export async function probe(store: ArchiveStore, signal?: AbortSignal): Promise<void> {
  try {
    const found = await store.read('pgfleet-probe', signal)
    found.destroy()
  } catch (error) {
    if (!isFleetError(error, 'ARCHIVE_UNKNOWN')) throw error
  }
}
