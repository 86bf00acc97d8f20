import { type Statement, statement } from '../../database/statement.js'

/**
 * How far an archive is. Under way: `detaching`, `detached`, `uploading`, `stored`, `verified`. At its end: `archived`, the partition was
 * dropped; `kept`, it was attached again, because a tenant keeps it or a legal hold stands; `restored`, it is back for a time;
 * `replaced`, it was restored, and archived again since.
 */
export type ArchiveState =
  | 'detaching'
  | 'detached'
  | 'uploading'
  | 'stored'
  | 'verified'
  | 'archived'
  | 'kept'
  | 'restored'
  | 'replaced'

/** A partition that was archived, or is being archived. Numbers and checksums are null until it is stored. */
export interface Archive {
  /** Schema, partition and the number of the upload: `memory.events_p202601.1`. */
  readonly name: string
  /** A UUIDv7, part of the names of its objects. */
  readonly id: string
  /** Like `memory.events`. */
  readonly table: string
  /** Like `events_p202601`. */
  readonly partition: string
  /** By UTC: `2026-01`. */
  readonly month: string
  readonly state: ArchiveState
  /** The folder or bucket, as a url. */
  readonly place: string
  readonly startedAt: Date
  /** When its rows were read. */
  readonly copiedAt: Date | null
  readonly rows: number | null
  /** Bytes of the rows before compression. */
  readonly contentBytes: number | null
  /** Of the rows before compression, in hexadecimal. */
  readonly contentSha256: string | null
  /** Bytes of the object. */
  readonly bytes: number | null
  /** Of the object, in hexadecimal. */
  readonly sha256: string | null
  /** How it is compressed: `gzip`. */
  readonly codec: string | null
  /** When the partition was dropped. */
  readonly archivedAt: Date | null
  /** When it was restored last. */
  readonly restoredAt: Date | null
  /** Until when retention leaves what was restored alone. */
  readonly keptUntil: Date | null
}

/** A row of platform.archives. */
export interface ArchiveRow {
  readonly archive_id: string
  readonly schema_name: string
  readonly table_name: string
  readonly partition_name: string
  readonly month: string
  readonly first_attempt: number
  readonly attempt: number
  readonly name: string
  readonly place: string
  readonly state: ArchiveState
  readonly started_at: Date
  readonly copied_at: Date | null
  readonly row_count: number | null
  readonly content_bytes: number | null
  readonly content_sha256: string | null
  readonly bytes: number | null
  readonly sha256: string | null
  readonly codec: string | null
  readonly manifest: unknown
  readonly archived_at: Date | null
  readonly restored_at: Date | null
  readonly kept_until: Date | null
}

/** Archives by table, month and number; of those that are given. */
export const LIST_ARCHIVES: Statement<ArchiveRow> = statement<ArchiveRow>(
  'platform.list_archives',
  `select a.archive_id, a.schema_name, a.table_name, a.partition_name, to_char(a.month, 'YYYY-MM') as month, a.first_attempt, a.attempt, a.name,
    a.place, a.state, a.started_at, a.copied_at, a.row_count::float8 as row_count, a.content_bytes::float8 as content_bytes,
    a.content_sha256, a.bytes::float8 as bytes, a.sha256, a.codec, a.manifest, a.archived_at, a.restored_at, a.kept_until
  from platform.archives a
  where ($1::text is null or a.name = $1::text)
    and ($2::text is null or a.schema_name || '.' || a.table_name = $2::text)
    and ($3::text is null or to_char(a.month, 'YYYY-MM') = $3::text)
    and ($4::text[] is null or a.state = any ($4::text[]))
  order by a.schema_name, a.table_name, a.month, a.attempt
  limit $5::integer`,
)

export function archiveOf(row: ArchiveRow): Archive {
  return {
    name: row.name,
    id: row.archive_id,
    table: `${row.schema_name}.${row.table_name}`,
    partition: row.partition_name,
    month: row.month,
    state: row.state,
    place: row.place,
    startedAt: row.started_at,
    copiedAt: row.copied_at,
    rows: row.row_count,
    contentBytes: row.content_bytes,
    contentSha256: row.content_sha256,
    bytes: row.bytes,
    sha256: row.sha256,
    codec: row.codec,
    archivedAt: row.archived_at,
    restoredAt: row.restored_at,
    keptUntil: row.kept_until,
  }
}
