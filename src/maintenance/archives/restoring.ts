import type { ArchiveManifest } from '../../archive/archive-manifest.js'
import type { ArchiveStore } from '../../archive/archive-store.js'
import { sqlstateOf } from '../../database/failure.js'
import { type Statement, statement } from '../../database/statement.js'
import { FleetError } from '../../errors.js'
import type { ArchiveRow } from './archive.js'
import { assertLoaded, discard, manifestOf, readContent } from './archive-content.js'
import { ArchiveSession } from './archive-session.js'
import { columnsOf, selectOf, shapeOf, type TableShape } from './archived-table.js'

const BEGIN = statement<unknown>('platform.begin_restore', 'select platform.begin_restore($1::uuid)')
const NAMES = statement<{ parent: string; partition: string }>(
  'platform.archive_names',
  `select format('%I.%I', $1::text, $2::text) as parent, format('%I.%I', $1::text, $3::text) as partition`,
)
const CREATE = statement<{ name: string }>(
  'platform.create_partition_table',
  `select platform.create_partition_table($1::text, $2::text, ($3::text || '-01')::timestamp at time zone 'UTC', true) as name`,
)
const FINISH = statement<{ removed: number }>(
  'platform.finish_restore',
  `select platform.finish_restore($1::uuid, $2::float8 * interval '1 millisecond')::float8 as removed`,
)
export const RESTORING_STATEMENTS: readonly Statement<unknown>[] = [BEGIN, NAMES, CREATE, FINISH]

/** How an archive is brought back. */
export interface Restoring {
  /** A url of the server past any pooler. */
  readonly directUrl: string
  readonly keepMs: number
  readonly lockTimeoutMs: number
  readonly signal: AbortSignal
  /** Told how many bytes of the object were read, twice: once to compare it, once to load it. */
  readonly onBytes: (bytes: number) => void
}

/**
 * Brings an archive back as a partition: all of it in one transaction, or nothing. Readers and writers of the table go on. Returns the
 * rows of tenants that were erased since, which were left out. Errors: ARCHIVE_UNKNOWN, ARCHIVE_CORRUPT, ARCHIVE_REFUSED, ARCHIVE_BUSY,
 * ARCHIVE_STORE_FAILED, ABORTED, CONFLICT when a lock is not to be had, PERMISSION_DENIED.
 */
export async function restoreArchive(row: ArchiveRow, store: ArchiveStore, options: Restoring): Promise<number> {
  const { directUrl, keepMs, lockTimeoutMs, signal, onBytes } = options
  const manifest = await manifestOf(row, store, signal)
  // Before the server is given any of it, which would tell of corrupted rows in its own way.
  await readContent(manifest, store, discard(), signal, onBytes)
  const place = { partition: `${row.schema_name}.${row.partition_name}`, lockTimeoutMs }
  return await ArchiveSession.lend(directUrl, place, async (session) => {
    await session.transaction(() => session.query(BEGIN, [row.archive_id]))
    const [names] = await session.query(NAMES, [row.schema_name, row.table_name, row.partition_name])
    const { parent, partition } = names as { parent: string; partition: string }
    const shape = matchColumns(manifest, await shapeOf(session, parent))
    const removed = await session.transaction(async () => {
      await create(session, row)
      // Until it is loaded, in this transaction, which nobody sees: COPY takes no table whose policies bind it.
      await session.run(`alter table ${partition} no force row level security`)
      await readContent(manifest, store, session.copyIn(partition, columnsOf(shape)), signal, onBytes)
      await assertLoaded(manifest, session.copyOut(selectOf(shape, partition)), signal)
      const [finished] = await session.query(FINISH, [row.archive_id, keepMs])
      return finished?.removed ?? 0
    })
    await session.run(`analyze ${partition}`)
    return removed
  })
}

async function create(session: ArchiveSession, row: ArchiveRow): Promise<void> {
  try {
    await session.query(CREATE, [row.schema_name, row.table_name, row.month])
  } catch (error) {
    if (sqlstateOf(error) !== '42P07') throw error
    throw new FleetError('ARCHIVE_REFUSED', {
      message: `the partition ${row.schema_name}.${row.partition_name} was made by somebody meanwhile`,
      cause: error,
    })
  }
}

/** The columns of the archive, in its order, as the table has them now; new ones get their defaults. Errors: ARCHIVE_REFUSED, which names the column. */
function matchColumns(manifest: ArchiveManifest, table: TableShape): Pick<TableShape, 'columns' | 'orderSql'> {
  const refuse = (why: string, column: string) => {
    throw new FleetError('ARCHIVE_REFUSED', {
      message: `${manifest.table} has changed since archive ${manifest.name} was written: column ${column} ${why}`,
      details: { archive: manifest.name, column },
    })
  }
  const columns: TableShape['columns'][number][] = []
  for (const { name, type } of manifest.columns) {
    const column = table.columns.find((one) => one.name === name)
    if (column === undefined) refuse('is gone', name)
    else if (column.type !== type) refuse(`was ${type}, and is ${column.type}`, name)
    else columns.push(column)
  }
  for (const { name, isRequired } of table.columns) {
    if (isRequired && !columns.some((one) => one.name === name)) refuse('is new, and has no default', name)
  }
  if (manifest.order.join() !== table.order.join()) refuse('is another part of the key', table.order.join(', '))
  return { columns, orderSql: table.orderSql }
}
