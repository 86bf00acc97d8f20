// A monitor that keeps one snapshot after another, as fast as it can, and says each time which one is kept, until it is killed.
import { openDatabase } from '../../../dist/fleet.js'
import { createDatabaseWriter } from '../../../dist/monitoring/history/database-writer.js'
import { openFolderWriter } from '../../../dist/monitoring/history/folder-writer.js'
import { createHistoryObserver } from '../../../dist/monitoring/history/history-observer.js'
import { isUrl } from '../../../dist/monitoring/history/read-history.js'

const [, , place, first, stepMs] = process.argv
const keepMs = 400 * 86_400_000
const writer = isUrl(place)
  ? createDatabaseWriter(await openDatabase({ url: place, poolMax: 1 }), { keepMs, leaseMs: 1 })
  : await openFolderWriter(place, { keepMs, onNotice: (text) => process.stdout.write(`notice ${text}\n`) })
const observer = createHistoryObserver({ writer, intervalMs: 1 })
const server = {
  systemIdentifier: '1',
  timeline: 1,
  startedAt: new Date('2026-01-01T00:00:00Z'),
  inRecovery: false,
  major: 17,
  version: '17.5',
  database: 'app',
  user: 'monitor',
  seesAll: true,
}
// Each snapshot holds its own number, and series that come and go.
for (let number = Number(first); ; number++) {
  const at = new Date(Date.parse('2026-03-01T00:00:00Z') + number * Number(stepMs))
  const samples = Array.from({ length: 20 }, (_, i) => ({
    metric: 'pg_stat_activity_count',
    labels: { datname: String(i) },
    value: i === 0 || (number + i) % 7 === 0 ? number : i,
  })).filter((_, i) => i === 0 || (number + i) % 5 !== 0)
  await observer.observe(
    { at, server, isUp: true, samples, failures: [], milliseconds: 1 },
    new AbortController().signal,
  )
  process.stdout.write(`kept ${number}\n`)
}
