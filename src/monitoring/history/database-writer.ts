import { randomUUID } from 'node:crypto'
import type { Database } from '../../database/database.js'
import { sqlstateOf } from '../../database/failure.js'
import { type Statement, statement } from '../../database/statement.js'
import { FleetError, isFleetError } from '../../errors.js'
import type { HistoryRecord, HistorySeries, KeptSettings } from './history-record.js'
import type { AppendOutcome, HistoryWriter } from './history-writer.js'

const SETTINGS = statement<{ settings: KeptSettings }>(
  'monitor.kept_settings',
  `select s.settings from platform.metric_sources s where s.source = $1::text and s.settings <> '{}'::jsonb`,
)
const APPEND = statement<{
  outcome: AppendOutcome['outcome']
  holder: string | null
  lease_expires_at: Date | null
  new_ids: number[] | null
}>(
  'platform.append_metric_snapshot',
  `select a.outcome, a.holder, a.lease_expires_at, a.new_ids
  from platform.append_metric_snapshot($1::text, $2::uuid, $3::integer, $4::float8 * interval '1 millisecond', $5::boolean,
    $6::timestamptz, $7::jsonb, $8::jsonb, $9::integer[], $10::float8[], $11::jsonb, $12::float8[]) a`,
)
const RELEASE = statement<{ released: boolean }>(
  'platform.release_metric_source',
  'select platform.release_metric_source($1::text, $2::uuid) as released',
)

/** The statements of this file, for the test that prepares them. */
export const WRITER_STATEMENTS: readonly Statement<unknown>[] = [SETTINGS, APPEND, RELEASE]

/** How a database keeps a history. */
export interface DatabaseWriterOptions {
  /** How long a segment is kept behind its last snapshot, in milliseconds, an hour or more. */
  readonly keepMs: number
  /** How soon another monitor may go on where this one was lost, in milliseconds. */
  readonly leaseMs: number
}

/**
 * Writes a history into a database of pgfleet, under a lease that each record renews: of two monitors one writes. `close` leaves the
 * database open.
 */
export function createDatabaseWriter(database: Database, options: DatabaseWriterOptions): HistoryWriter {
  const writer = randomUUID()
  let ids = new WeakMap<HistorySeries, number>()
  const sources = new Set<string>()

  const append = async (source: string, record: HistoryRecord, signal: AbortSignal): Promise<AppendOutcome> => {
    const { at, isFirst, changes, note, settings, settingsChanged } = record
    const known = changes.filter(({ series }) => ids.has(series))
    const added = changes.filter(({ series }) => !ids.has(series))
    const [row] = await database.run(
      APPEND,
      [
        source,
        writer,
        options.leaseMs,
        options.keepMs,
        isFirst,
        at,
        note === undefined ? null : JSON.stringify(note),
        settingsChanged && settings !== undefined ? JSON.stringify(settings) : null,
        known.map(({ series }) => ids.get(series)),
        known.map(({ value }) => value),
        JSON.stringify(added.map(({ series: { metric, labels, kind } }) => ({ metric, labels, kind }))),
        added.map(({ value }) => value),
      ],
      { signal },
    )
    if (row?.outcome === 'written') {
      sources.add(source)
      added.forEach(({ series }, i) => {
        ids.set(series, row.new_ids?.[i] as number)
      })
      return { outcome: 'written' }
    }
    if (row?.outcome === 'not-open') return { outcome: 'not-open' }
    return { outcome: 'held', holder: String(row?.holder), until: row?.lease_expires_at ?? new Date() }
  }

  return {
    async settings(source, signal) {
      const [row] = await database.run(SETTINGS, [source], { reads: true, idempotent: true, signal })
      return row?.settings
    },
    async append(source, record, signal) {
      try {
        return await append(source, record, signal)
      } catch (error) {
        // What was made in a transaction that may be undone is not known any more.
        ids = new WeakMap()
        throw explained(error)
      }
    },
    async close() {
      for (const source of sources) {
        // A lease that cannot be given back runs out.
        await database.run(RELEASE, [source, writer], { idempotent: true }).catch(() => {})
      }
      sources.clear()
    },
  }
}

/** The same error, with the way out where the database is none that keeps a history, or not for this login. */
export function explained(error: unknown): unknown {
  if (!isFleetError(error)) return error
  const state = sqlstateOf(error)
  if (state === '42501') {
    return new FleetError('PERMISSION_DENIED', {
      message: `this login may not use the history: ${error.message}`,
      hint: 'As an administrator: grant pgfleet_monitor to the login of the monitor.',
      cause: error,
    })
  }
  if (state === undefined || !['42P01', '42883', '3F000'].includes(state)) return error
  return new FleetError('SCHEMA_MISSING', {
    message: `this database keeps no history: ${error.message}`,
    hint: 'Run `pgfleet migrate` on it, or keep the history in a folder: --history DIR.',
    cause: error,
  })
}
