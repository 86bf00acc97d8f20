import { readFolder } from '../../backup/folder.js'
import { FLEET_METRICS } from '../metrics/fleet.js'
import { samplesOf } from '../sources/source.js'
import type { Reader } from './reader.js'

/** How old the newest backup in a folder is. A folder without one tells a count of 0 and no age. */
export function createBackupReader(folder: string, everyMs: number): Reader {
  const groups = [FLEET_METRICS.backup]
  return {
    id: 'backups',
    groups,
    everyMs,
    async read() {
      const { backups } = await readFolder(folder)
      const newest = backups[0]?.manifest
      const age_seconds = newest && (Date.now() - newest.startedAt.getTime()) / 1000
      return samplesOf(groups, [{ count: backups.length, age_seconds, bytes: newest?.bytes }])
    },
    close: async () => {},
  }
}
