import { z } from 'zod'
import { parsePlace } from '../../archive/place.js'
import { FleetError } from '../../errors.js'
import { check, text } from '../../input.js'
import type { Operator } from '../operator.js'
import { type Archive, type ArchiveRow, type ArchiveState, archiveOf, LIST_ARCHIVES } from './archive.js'
import { discard, manifestOf, readContent } from './archive-content.js'
import { withStore } from './archiving.js'
import { restoreArchive } from './restoring.js'

/** Which archives. */
export interface ArchivesOptions {
  /** Only of this table: `memory.events`. @default all */
  readonly table?: string
  /** Only those in these states. @default all */
  readonly states?: readonly ArchiveState[]
  /** Most archives, 1 to 10,000. @default 1000 */
  readonly limit?: number
}

/** How far reading an archive is, in bytes of its object. */
export interface ArchiveProgress {
  readonly bytes: number
  readonly totalBytes: number
}

/** How an archive is read. */
export interface VerifyArchiveOptions {
  /** Where the objects are now, when they were moved. @default where they were written */
  readonly from?: string
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: ArchiveProgress) => void
}

/** How an archive is brought back. */
export interface RestoreArchiveOptions extends VerifyArchiveOptions {
  /** A url of the server past any pooler, whose login may act as pgfleet_owner. */
  readonly directUrl: string
  /** How long retention leaves the partition alone, in milliseconds, a minute to 100 years; then it is archived anew. @default 30 days */
  readonly keepMs?: number
  /** Longest wait for a lock, in milliseconds, 100 to 3,600,000. @default 60000 */
  readonly lockTimeoutMs?: number
}

/** What came of a restore. */
export interface RestoredArchive {
  readonly archive: Archive
  /** Rows that are there again. */
  readonly rows: number
  /** Rows that were left out: of tenants that were erased since. */
  readonly removed: number
}

/** Partitions that were archived. Needs a login that may act as pgfleet_operator; others get PERMISSION_DENIED. */
export interface Archives {
  /** Archives by table, month and number. Errors: INPUT_INVALID, PERMISSION_DENIED. */
  list(options?: ArchivesOptions): Promise<Archive[]>
  /** An archive by its name. Errors: ARCHIVE_UNKNOWN. */
  get(name: string): Promise<Archive>
  /** The newest archive of a table's month (`2026-01`) that can be restored. Errors: ARCHIVE_UNKNOWN, INPUT_INVALID. */
  find(table: string, month: string): Promise<Archive>
  /**
   * Reads an archive, and compares it with its checksums and its number of rows. Errors: ARCHIVE_UNKNOWN when an object is missing, ARCHIVE_CORRUPT,
   * ARCHIVE_STORE_FAILED, ABORTED.
   */
  verify(name: string, options?: VerifyArchiveOptions): Promise<Archive>
  /**
   * Brings a partition back, without the rows of tenants that were erased since; in one transaction, while its table is read and
   * written. Columns that were added since get their defaults. Errors: ARCHIVE_UNKNOWN, ARCHIVE_CORRUPT, ARCHIVE_STORE_FAILED, ARCHIVE_BUSY;
   * ARCHIVE_REFUSED when the partition is there and holds rows, or a column is gone; CONFLICT when a lock is not to be had,
   * PERMISSION_DENIED, ABORTED.
   */
  restore(name: string, options: RestoreArchiveOptions): Promise<RestoredArchive>
}

const tableName = z
  .string()
  .regex(/^[a-z_]+\.[a-z_]+$/, 'is not the name of a table with its schema, like memory.events')
const monthName = z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/, 'is not a month like 2026-01')
const STATES = [
  'detaching',
  'detached',
  'uploading',
  'stored',
  'verified',
  'archived',
  'kept',
  'restored',
  'replaced',
] as const satisfies readonly ArchiveState[]

const listOptions = z.strictObject({
  table: tableName.optional(),
  states: z.array(z.enum(STATES)).optional(),
  limit: z.int().min(1).max(10_000).default(1000),
})
const reading = {
  from: text(1, 2000).optional(),
  signal: z.instanceof(AbortSignal).optional(),
  onProgress: z
    .custom<(progress: ArchiveProgress) => void>((value) => typeof value === 'function', 'is not a function')
    .optional(),
}
const restoreOptions = z.strictObject({
  ...reading,
  directUrl: z.string().regex(/^postgres(ql)?:\/\//, 'a url begins with postgres:// or postgresql://'),
  keepMs: z.int().min(60_000).max(3_153_600_000_000).default(2_592_000_000),
  lockTimeoutMs: z.int().min(100).max(3_600_000).default(60_000),
})

/** The states of what can be read again. */
const ENDED: readonly string[] = ['archived', 'restored', 'replaced']

export function createArchives(operator: Operator): Archives {
  const find = async (values: readonly unknown[], what: string, states: readonly string[] | null) => {
    const found = (await operator.run(LIST_ARCHIVES, [...values, states, 10_000])).at(-1)
    if (found === undefined) throw new FleetError('ARCHIVE_UNKNOWN', { message: `there is no archive ${what}` })
    return found
  }
  const named = (name: string, states: readonly string[] | null = null) =>
    find([check('name', text(1, 300), name), null, null], name, states)
  return {
    async list(options = {}) {
      const { table, states, limit } = check('options', listOptions, options)
      return (await operator.run(LIST_ARCHIVES, [null, table ?? null, null, states ?? null, limit])).map(archiveOf)
    },
    get: async (name) => archiveOf(await named(name)),
    async find(table, month) {
      const values = [null, check('table', tableName, table), check('month', monthName, month)]
      return archiveOf(await find(values, `of ${table} for ${month}`, ENDED))
    },
    async verify(name, options = {}) {
      const { from, signal = NEVER, onProgress } = check('options', z.strictObject(reading), options)
      const row = stored(await named(name))
      await withStore(from === undefined ? row.place : parsePlace(from, 'from').url, async (store) => {
        const manifest = await manifestOf(row, store, signal)
        await readContent(manifest, store, discard(), signal, (bytes) =>
          onProgress?.({ bytes, totalBytes: manifest.bytes }),
        )
      })
      return archiveOf(row)
    },
    async restore(name, options) {
      const { from, signal = NEVER, onProgress, ...rest } = check('options', restoreOptions, options)
      const row = stored(await named(name))
      const onBytes = (bytes: number) => onProgress?.({ bytes, totalBytes: row.bytes ?? 0 })
      const removed = await withStore(from === undefined ? row.place : parsePlace(from, 'from').url, (store) =>
        restoreArchive(row, store, { ...rest, signal, onBytes }),
      )
      return { archive: archiveOf(await named(name)), rows: (row.row_count ?? 0) - removed, removed }
    },
  }
}

const NEVER = new AbortController().signal

/** Refuses what was not written as a whole. */
function stored(row: ArchiveRow): ArchiveRow {
  if (row.sha256 !== null) return row
  throw new FleetError('ARCHIVE_REFUSED', {
    message: `archive ${row.name} is ${row.state}: there is nothing to be read yet`,
  })
}
