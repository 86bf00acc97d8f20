import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Queryable } from '../bench/index.js'
import type { BenchSubject } from '../bench/scenarios/index.js'
import { isFleetError } from '../errors.js'
import { type Fleet, openFleet } from '../fleet.js'
import type { Where } from './where.js'

/** The database of a benchmark: what scenarios are given, and what the record of the run reads the settings from. */
export interface BenchDatabase extends Queryable {
  readonly subject: BenchSubject
  /** Closes what a scenario left open, and removes the temporary directory. */
  close(): Promise<void>
}

/**
 * The database that was named; the default embedded one is replaced by one of a temporary directory, so that a benchmark
 * neither sees nor leaves rows of others. Settings are read through a fleet of the scenario's while one is open: the
 * embedded database can be opened once only.
 *
 * @param cacheUrl of a Valkey, for the scenarios that compare with one
 */
export async function createBenchDatabase(where: Where, cacheUrl: string | null = null): Promise<BenchDatabase> {
  const isDefault = where.url === undefined && where.dataDir === '.pgfleet'
  const folder = isDefault ? await mkdtemp(join(tmpdir(), 'pgfleet-bench-')) : undefined
  const place = folder === undefined ? where : { dataDir: folder }
  const opened: Fleet[] = []
  const open: BenchSubject['open'] = async (options = {}) => {
    const fleet = await openFleet({ ...place, ...options })
    opened.push(fleet)
    return fleet
  }
  const query = (fleet: Fleet, text: string, values?: unknown[]) =>
    fleet.database.lend((connection) => connection.query(text, values))
  return {
    subject: { url: where.url ?? null, cacheUrl, open },
    async query(text, values) {
      for (const fleet of opened) {
        try {
          return await query(fleet, text, values)
        } catch (error) {
          if (!isFleetError(error, 'CLOSED')) throw error
        }
      }
      return await query(await open(), text, values)
    },
    async close() {
      await Promise.allSettled(opened.map((fleet) => fleet.close()))
      if (folder !== undefined) await rm(folder, { recursive: true, force: true })
    },
  }
}
