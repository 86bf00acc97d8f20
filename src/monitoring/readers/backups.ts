import { newestOfEach, readFolder } from '../../backup/folder.js'
import { FLEET_METRICS } from '../metrics/fleet.js'
import { samplesOf } from '../sources/source.js'
import type { Reader } from './reader.js'

/**
 * How old the newest backup in a folder is; where it holds several databases, that of the one whose newest is oldest. A folder
 * without one tells a count of 0 and no age.
 */
export function createBackupReader(folder: string, everyMs: number): Reader {
  const groups = [FLEET_METRICS.backup]
  return {
    id: 'backups',
    groups,
    everyMs,
    async read() {
      const { backups } = await readFolder(folder)
      const newest = newestOfEach(backups).at(-1)?.manifest
      const age_seconds = newest && (Date.now() - newest.startedAt.getTime()) / 1000
      return samplesOf(groups, [{ count: backups.length, age_seconds, bytes: newest?.bytes }])
    },
    close: async () => {},
  }
}
