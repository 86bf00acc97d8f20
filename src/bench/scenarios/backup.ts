import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBackup } from '../../backup/backup.js'
import { rehearseRestore } from '../../backup/rehearsal.js'
import type { Fleet } from '../../fleet.js'
import type { Contestant, RoundContext } from '../contestant.js'
import type { Scenario } from '../scenario.js'
import type { Target } from '../target.js'
import { fillVectors, vectorGenerator } from './memory-vectors-data.js'
import type { BenchSubject } from './subject.js'

const TENANT = 'bench-backup'
const DIMENSIONS = 384
const MB = 1024 * 1024
const EVENTS_A_CALL = 2000
const VECTORS_A_STEP = 2500
const JOBS = 2
const ISSUED_MB = 5120
const SOURCE = 'operations, backup'

const names = { backup: `backup, ${JOBS} jobs`, restore: `restore and compare, ${JOBS} jobs` }

const minutes = (id: string, contestant: string): Target => ({
  id,
  what: `5 GB at this rate: ${contestant}`,
  source: SOURCE,
  metric: { kind: 'median', of: 'figure.minutesFor5GB', contestant },
  op: '<=',
  value: 30,
  unit: 'min',
})

interface State {
  readonly fleet: Fleet
  readonly folder: string
}

const bytesOf = async (fleet: Fleet, what: string): Promise<number> =>
  await fleet.database.lend(async (connection) => {
    const { rows } = await connection.query<{ bytes: string }>(`select ${what}::text as bytes`)
    return Number(rows[0]?.bytes)
  })

const VECTOR_BYTES = `pg_total_relation_size('memory.vectors_${DIMENSIONS}')`
const DATABASE_BYTES = 'pg_database_size(current_database())'

/** Words in an order that repeats nowhere: payloads that compress as text does. */
const payloadOf = (n: number) => ({
  step: n,
  text: Array.from({ length: 120 }, (_, i) => (Math.imul(n * 120 + i + 1, 2_654_435_761) >>> 12).toString(36)).join(
    ' ',
  ),
})

/** Dumps and restores a whole database: the rate in megabytes of the database a second. */
export const backup: Scenario<BenchSubject, State> = {
  name: 'backup',
  title: 'Backup and restore',
  description:
    `A database of \`rows\` megabytes, a fifth of it vectors of ${DIMENSIONS} dimensions with their HNSW index, the rest events with their indexes, ` +
    `dumped by pgfleet backup (${JOBS} jobs, zstd:1, checksums, verified), then restored into a scratch database, which is analysed and ` +
    'compared table by table. Items are megabytes of the database on its server, and one call is one backup.',
  options: { rows: 1024, durationMs: 1, warmUpMs: 0, rounds: 1, callers: 1 },
  targets: [minutes('backup-5gb', names.backup), minutes('restore-5gb', names.restore)],

  async setUp({ subject, options, progress, signal }) {
    const fleet = await subject.open()
    const folder = await mkdtemp(join(tmpdir(), 'pgfleet-bench-backup-'))
    if (subject.url === null) return { fleet, folder }
    await fleet.tenants.create({ id: TENANT }, { ifNotExists: true })
    const tenant = fleet.tenant(TENANT)
    progress('filling vectors')
    const wanted = options.rows * MB
    const make = vectorGenerator(DIMENSIONS, options.rows * 50)
    for (let count = 0; (await bytesOf(fleet, VECTOR_BYTES)) < wanted / 5; ) {
      count += VECTORS_A_STEP
      const first = count - VECTORS_A_STEP
      await fillVectors(tenant, make, VECTORS_A_STEP, signal, first)
    }
    progress('filling events')
    for (let n = 0; (await bytesOf(fleet, DATABASE_BYTES)) < wanted; ) {
      for (let calls = 0; calls < 8; calls++, n += EVENTS_A_CALL) {
        signal.throwIfAborted()
        const first = n
        await tenant.memory.events.append(
          Array.from({ length: EVENTS_A_CALL }, (_, i) => ({ type: `step.${i % 40}`, payload: payloadOf(first + i) })),
          { durability: 'async', signal },
        )
      }
    }
    await fleet.database.lend((connection) => connection.query('checkpoint'))
    return { fleet, folder }
  },

  contestants({ subject }, { fleet, folder }) {
    const { url } = subject
    const contestant = (name: string, work: (url: string, signal: AbortSignal) => Promise<number>): Contestant => ({
      name,
      kind: 'pgfleet',
      callers: 1,
      async run({ signal }: RoundContext) {
        if (url === null) return { unavailable: 'pg_dump needs a server' }
        const megabytes = (await bytesOf(fleet, DATABASE_BYTES)) / MB
        const milliseconds = await work(url, signal)
        const seconds = milliseconds / 1000
        return {
          sample: {
            operations: 1,
            itemsPerOperation: megabytes,
            seconds,
            throughput: megabytes / seconds,
            mean: milliseconds,
            p50: milliseconds,
            p95: milliseconds,
            p99: milliseconds,
            max: milliseconds,
            errors: 0,
            firstError: null,
            rss: null,
            figures: {
              megabytes,
              megabytesOfVectors: (await bytesOf(fleet, VECTOR_BYTES)) / MB,
              minutesFor5GB: (ISSUED_MB / megabytes) * (seconds / 60),
            },
          },
        }
      },
    })
    return [
      contestant(names.backup, async (from, signal) => {
        const report = await createBackup({ url: from, folder, jobs: JOBS, keep: 1, packageVersion: 'bench', signal })
        return report.milliseconds
      }),
      contestant(names.restore, async (to, signal) => {
        const report = await rehearseRestore({ from: folder, url: to, jobs: JOBS, signal })
        return report.milliseconds
      }),
    ]
  },

  async tearDown(_, state) {
    if (state === undefined) return
    await state.fleet.close()
    await rm(state.folder, { recursive: true, force: true })
  },
}
