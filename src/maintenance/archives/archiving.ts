import { type ArchiveManifest, contentName, manifestName, writeManifest } from '../../archive/archive-manifest.js'
import type { ArchiveStore } from '../../archive/archive-store.js'
import { openStore, parsePlace } from '../../archive/place.js'
import { type Statement, statement } from '../../database/statement.js'
import { FleetError, isFleetError } from '../../errors.js'
import type { ServiceContext } from '../service.js'
import { type ArchiveRow, LIST_ARCHIVES } from './archive.js'
import { assertLoaded, discard, manifestOf, readContent, writeContent } from './archive-content.js'
import { ArchiveSession } from './archive-session.js'
import { columnsOf, selectOf, shapeOf } from './archived-table.js'

const ATTACHMENT = statement<{
  name: string
  parent: string
  is_there: boolean
  is_attached: boolean
  is_pending: boolean
}>(
  'platform.archive_attachment',
  `select format('%I.%I', $1::text, $3::text) as name, format('%I.%I', $1::text, $2::text) as parent, to_regclass(format('%I.%I', $1::text, $3::text)) is not null as is_there,
    i.inhrelid is not null as is_attached, coalesce(i.inhdetachpending, false) as is_pending
  from (values (1)) as one(one)
  left join pg_inherits i on i.inhrelid = to_regclass(format('%I.%I', $1::text, $3::text))`,
)
const KEEPER = statement<{ kept_by: string | null }>(
  'platform.find_partition_keeper',
  'select platform.find_partition_keeper($1::text, $2::text, $3::text) as kept_by',
)
const MOVE = statement<{ archive_id: string }>(
  'platform.move_archive',
  'update platform.archives a set state = $2::text where a.archive_id = $1::uuid and a.state = any ($3::text[]) returning a.archive_id',
)
const BEGIN_UPLOAD = statement<{ name: string }>(
  'platform.begin_upload',
  'select platform.begin_upload($1::uuid, $2::text) as name',
)
const FACTS = statement<{
  database: string
  version: string
  migration: number
  copied_at: string
  id_column: string
  from_id: string
  to_id: string
}>(
  'platform.archive_facts',
  `select current_database() as database, current_setting('server_version') as version, (select max(m.version) from platform.migrations m)::integer as migration,
    to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as copied_at, r.id_column,
    platform.uuid_floor(m.month)::text as from_id, platform.uuid_floor(date_trunc('month', m.month + interval '40 days', 'UTC'))::text as to_id
  from platform.archives a
  join platform.partitioned_tables r on r.schema_name = a.schema_name and r.table_name = a.table_name
  cross join lateral (select a.month::timestamp at time zone 'UTC' as month) m
  where a.archive_id = $1::uuid`,
)
const NOTE_STORED = statement<{ archive_id: string }>(
  'platform.note_stored',
  `update platform.archives a
  set state = 'stored', copied_at = (m.manifest ->> 'copiedAt')::timestamptz, row_count = (m.manifest ->> 'rows')::bigint,
    content_bytes = (m.manifest ->> 'contentBytes')::bigint, content_sha256 = m.manifest ->> 'contentSha256',
    bytes = (m.manifest ->> 'bytes')::bigint, sha256 = m.manifest ->> 'sha256', codec = m.manifest ->> 'codec', manifest = m.manifest
  from (select $2::jsonb as manifest) m
  where a.archive_id = $1::uuid and a.state = 'uploading'
  returning a.archive_id`,
)
const FINISH = statement<{ size_bytes: number; kept_by: string | null }>(
  'platform.finish_archive',
  'select f.size_bytes::float8 as size_bytes, f.kept_by from platform.finish_archive($1::uuid) f',
)

export const ARCHIVING_STATEMENTS: readonly Statement<unknown>[] = [
  ATTACHMENT,
  KEEPER,
  MOVE,
  BEGIN_UPLOAD,
  FACTS,
  NOTE_STORED,
  FINISH,
]

/** What archiving is told. */
export interface ArchivingOptions {
  /** Where archives go. */
  readonly to: string
  /** Longest wait for those who hold the partition or its table, in milliseconds. */
  readonly lockTimeoutMs: number
  /** Longest time to detach a partition, in milliseconds. */
  readonly detachTimeoutMs: number
}

/** What became of an archive in a run. */
export interface ArchivingOutcome {
  readonly row: ArchiveRow
  /** The tenant that keeps the partition; null: it was archived. */
  readonly keptBy: string | null
  /** Bytes of the table that were freed. */
  readonly freed: number
  /** Why objects of earlier attempts could not be removed. */
  readonly leftover: FleetError | undefined
}

/**
 * Takes one archive to its end, from whatever step it is at: detached, written, read back and loaded, and only then dropped. Before each
 * step it looks whether this process still leads; the session's lock keeps others out meanwhile. Errors: those of the
 * steps; then the archive stays where it is, and calling again goes on.
 */
export async function advance(
  context: ServiceContext,
  url: string,
  archiveId: string,
  partition: string,
  options: ArchivingOptions,
): Promise<ArchivingOutcome> {
  return await ArchiveSession.lend(url, { partition, lockTimeoutMs: options.lockTimeoutMs }, async (session) => {
    const work = new Archiving(context, session, options)
    for (;;) {
      // The lease is looked at before each step, which belongs to no batch.
      await context.batch(async () => {})
      const row = await work.read(archiveId)
      if (row.state === 'detaching') {
        const keptBy = await work.detach(row)
        if (keptBy !== null) return { row, keptBy, freed: 0, leftover: undefined }
      } else if (row.state === 'detached' || row.state === 'uploading') await work.upload(row)
      else if (row.state === 'stored') await work.verify(row)
      else if (row.state === 'verified') return await work.finish(row)
      else throw new FleetError('ARCHIVE_REFUSED', { message: `archive ${row.name} is ${row.state}` })
    }
  })
}

/** The steps of one archive. */
class Archiving {
  readonly #context: ServiceContext
  readonly #session: ArchiveSession
  readonly #options: ArchivingOptions

  constructor(context: ServiceContext, session: ArchiveSession, options: ArchivingOptions) {
    this.#context = context
    this.#session = session
    this.#options = options
  }

  async read(archiveId: string): Promise<ArchiveRow> {
    const rows = await this.#session.query(LIST_ARCHIVES, [null, null, null, UNFINISHED, 10_000])
    const row = rows.find(({ archive_id }) => archive_id === archiveId)
    if (row !== undefined) return row
    throw new FleetError('ARCHIVE_REFUSED', { message: `archive ${archiveId} is not under way any more` })
  }

  /** Detaches the partition, or ends what an interruption left; returns the tenant that keeps it, if one does by now. */
  async detach(row: ArchiveRow): Promise<string | null> {
    const place = await this.#attachment(row)
    const detach = (how: string) =>
      this.#session.direct.alone(
        { name: 'platform.detach', text: `alter table ${place.parent} detach partition ${place.name} ${how}` },
        { lockTimeoutMs: this.#options.lockTimeoutMs, timeoutMs: this.#options.detachTimeoutMs },
        this.#context.signal,
      )
    if (place.is_pending) await detach('finalize')
    else if (place.is_attached) {
      const keeper = await this.#session.transaction(
        () => this.#session.query(KEEPER, [row.schema_name, row.table_name, row.partition_name]),
        { undo: true },
      )
      const keptBy = keeper[0]?.kept_by ?? null
      if (keptBy !== null) {
        await this.#move(row, 'kept', ['detaching'])
        return keptBy
      }
      await detach('concurrently')
    }
    await this.#move(row, 'detached', ['detaching'])
    return null
  }

  /** Writes the rows under a name that none had before, then the manifest. */
  async upload(row: ArchiveRow): Promise<void> {
    const { signal } = this.#context
    const place = parsePlace(this.#options.to)
    const [begun] = await this.#session.query(BEGIN_UPLOAD, [row.archive_id, place.url])
    const { name } = begun as { name: string }
    const { name: table } = await this.#attachment(row)
    const manifest = await withStore(place.url, async (store) => {
      const written = await this.#session.transaction(
        async () => {
          // For this transaction alone, which is rolled back: the owner sees the rows of all tenants.
          await this.#session.run(`alter table ${table} no force row level security`)
          const shape = await shapeOf(this.#session, table)
          const [facts] = await this.#session.query(FACTS, [row.archive_id])
          if (facts === undefined) throw new FleetError('ARCHIVE_REFUSED', { message: `${name} has no table any more` })
          const rows = this.#session.copyOut(selectOf(shape, table))
          const { object, content } = await writeContent(rows, store, contentName(name, row.archive_id), signal)
          return {
            format: 1,
            name,
            archiveId: row.archive_id,
            database: facts.database,
            table: `${row.schema_name}.${row.table_name}`,
            partition: row.partition_name,
            bounds: { column: facts.id_column, from: facts.from_id, to: facts.to_id },
            columns: shape.columns.map(({ name: column, type }) => ({ name: column, type })),
            order: [...shape.order],
            rows: content.lines,
            contentFormat: 'copy-text',
            contentBytes: content.bytes,
            contentSha256: content.sha256,
            codec: 'gzip',
            bytes: object.bytes,
            sha256: object.sha256,
            copiedAt: facts.copied_at,
            serverVersion: facts.version,
            schemaVersion: facts.migration,
          } satisfies ArchiveManifest
        },
        { undo: true },
      )
      await writeManifest(store, written, signal).catch(async (error: unknown) => {
        // Rows without a manifest are no archive; what cannot be removed now is, when a later attempt has ended.
        await store.remove(contentName(name, row.archive_id)).catch(() => {})
        throw error
      })
      return written
    })
    await this.#session.query(NOTE_STORED, [row.archive_id, JSON.stringify(manifest)])
    this.#context.report.count({ rows: manifest.rows })
  }

  /** Reads everything back: the manifest, the object against its checksums, and its rows into a table with the same columns. */
  async verify(row: ArchiveRow): Promise<void> {
    try {
      await withStore(row.place, (store) => this.#prove(row, store))
    } catch (error) {
      if (isFleetError(error, 'ARCHIVE_CORRUPT') || isFleetError(error, 'ARCHIVE_UNKNOWN')) {
        // The partition is still there: the next attempt writes it anew.
        await ArchiveSession.lend(
          this.#context.directUrl as string,
          { lockTimeoutMs: this.#options.lockTimeoutMs },
          (other) => other.query(MOVE, [row.archive_id, 'uploading', ['stored']]),
        )
      }
      throw error
    }
    await this.#move(row, 'verified', ['stored'])
  }

  /** Drops the partition, or attaches it again when it is kept by now; then removes what earlier attempts left. */
  async finish(row: ArchiveRow): Promise<ArchivingOutcome> {
    const [done] = await this.#session.query(FINISH, [row.archive_id])
    const { size_bytes: freed, kept_by: keptBy } = done as { size_bytes: number; kept_by: string | null }
    let leftover: FleetError | undefined
    try {
      await withStore(row.place, async (store) => {
        const last = keptBy === null ? row.attempt - 1 : row.attempt
        for (let attempt = row.first_attempt; attempt <= last; attempt++) {
          const name = `${row.schema_name}.${row.partition_name}.${attempt}`
          await store.remove(contentName(name, row.archive_id))
          await store.remove(manifestName(name, row.archive_id))
        }
      })
    } catch (error) {
      if (!isFleetError(error)) throw error
      leftover = error
    }
    return { row, keptBy, freed, leftover }
  }

  async #prove(row: ArchiveRow, store: ArchiveStore): Promise<void> {
    const { signal } = this.#context
    const manifest = await manifestOf(row, store, signal)
    // Before the server is given any of it, which would tell of corrupted rows in its own way.
    await readContent(manifest, store, discard(), signal)
    const { name: table } = await this.#attachment(row)
    await this.#session.transaction(
      async () => {
        await this.#session.run(
          `create temporary table archive_check (like ${table} including constraints including generated) on commit drop`,
        )
        const shape = await shapeOf(this.#session, table)
        await readContent(manifest, store, this.#session.copyIn('pg_temp.archive_check', columnsOf(shape)), signal)
        await assertLoaded(manifest, this.#session.copyOut(selectOf(shape, 'pg_temp.archive_check')), signal)
      },
      { undo: true },
    )
  }

  async #attachment(row: ArchiveRow) {
    const [found] = await this.#session.query(ATTACHMENT, [row.schema_name, row.table_name, row.partition_name])
    if (found?.is_there) return found
    throw new FleetError('ARCHIVE_REFUSED', {
      message: `the partition ${row.schema_name}.${row.partition_name} is gone, though archive ${row.name} is ${row.state}`,
      hint: 'Somebody dropped it. Set the archive to kept by hand, and look for the rows in a backup.',
    })
  }

  async #move(row: ArchiveRow, to: string, from: readonly string[]): Promise<void> {
    await this.#session.query(MOVE, [row.archive_id, to, from])
  }
}

/** The states of what is under way. */
export const UNFINISHED: readonly string[] = ['detaching', 'detached', 'uploading', 'stored', 'verified']

/** Opens a store for the work, and closes it. */
export async function withStore<T>(place: string, work: (store: ArchiveStore) => Promise<T>): Promise<T> {
  const store = await openStore(parsePlace(place))
  try {
    return await work(store)
  } finally {
    store.close()
  }
}
