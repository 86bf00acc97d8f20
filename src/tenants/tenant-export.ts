import { addAbortSignal, type Readable } from 'node:stream'
import { createGzip, type Gzip } from 'node:zlib'
import { z } from 'zod'
import type { Database } from '../database/database.js'
import { readMigrationFiles } from '../database/migration-files.js'
import { type Statement, statement } from '../database/statement.js'
import { FleetError } from '../errors.js'
import { check } from '../input.js'
import { AS_OWNER } from './as-owner.js'
import { EXPORT_FORMAT, type ExportManifest, manifestHash, TableDigest } from './export-format.js'
import { assertTenantId } from './tenant-id.js'

/** How a tenant is exported. */
export interface ExportOptions {
  /** Ends the export; the stream fails with ABORTED. */
  readonly signal?: AbortSignal
  /** Told after each table and each few hundred rows. */
  readonly onProgress?: (progress: ExportProgress) => void
}

/** How far an export has come. */
export interface ExportProgress {
  readonly tenant: string
  readonly table: string
  /** Rows of all tables so far. */
  readonly rows: number
  /** Tables that are done, of how many. */
  readonly tablesDone: number
  readonly tables: number
}

type Run = <Row>(statement: Statement<Row>, values: readonly unknown[]) => Promise<Row[]>

const TABLES = statement<{ table_name: string; columns: { name: string; type: string }[] }>(
  'platform.export_tables',
  'select t.table_name, t.columns from platform.export_tables() t',
)

const SET_TENANT = statement<unknown>(
  'platform.set_exported_tenant',
  `select set_config('pgfleet.tenant', $1::text, true)`,
)

const DESCRIBE = statement<{
  display_name: string | null
  quotas: Record<string, number>
  metadata: Record<string, unknown>
  created_at: Date
  state: string
  migration: number
  seal_number: number | null
  seal_hash: string | null
}>(
  'platform.describe_export',
  `select t.display_name, t.quotas, t.metadata, t.created_at, t.state,
    (select max(m.version) from platform.migrations m) as migration, s.seal_number, encode(s.seal_hash, 'hex') as seal_hash
  from platform.tenants t
  left join lateral (
    select a.seal_number, a.seal_hash from delivery.audit_seals a where a.tenant_id = t.tenant_id order by a.seal_number desc limit 1
  ) s on true
  where t.tenant_id = $1::text`,
)

const OPEN = statement<unknown>('platform.open_export', 'select platform.open_export($1::text, $2::text)')

// A cursor is named in the text: a fetch takes no parameters. Rows may have a megabyte each.
const FETCH = statement<{ line: string }>('platform.fetch_export', 'fetch 100 from pgfleet_export')

/** Every statement of this file that can be prepared outside an export. */
export const EXPORT_STATEMENTS: readonly Statement<unknown>[] = [TABLES, SET_TENANT, DESCRIBE, OPEN]

/** What an importing database can take. */
export async function exportableTables(run: Run): Promise<ExportManifest['tables']> {
  const tables = await run(TABLES, [])
  return tables.map(({ table_name, columns }) => ({ name: table_name, columns }))
}

const exportOptions = z.strictObject({
  signal: z.instanceof(AbortSignal).optional(),
  onProgress: z.custom<(progress: ExportProgress) => void>((value) => typeof value === 'function').optional(),
})

/** Exports a tenant: see `Transfers.export`. */
export function exportTenant(database: Database, id: string, options: ExportOptions = {}): Readable {
  assertTenantId(id)
  const { signal, onProgress } = check('options', exportOptions, options)
  const stream = createGzip()
  if (signal !== undefined) addAbortSignal(signal, stream)
  const work = database.transaction(
    'begin isolation level repeatable read read only',
    [{ statement: AS_OWNER, values: [] }],
    (run) => writeExport(run, id, stream, onProgress),
  )
  work.then(
    () => stream.end(),
    (error) => stream.destroy(error as Error),
  )
  return stream
}

async function writeExport(run: Run, id: string, stream: Gzip, onProgress: ExportOptions['onProgress']): Promise<void> {
  const tables = await exportableTables(run)
  const manifest = JSON.stringify(await describe(run, id, tables))
  await send(stream, manifest)
  const totals: Record<string, { rows: number; sha256: string }> = {}
  let rows = 0
  for (const [tablesDone, { name }] of tables.entries()) {
    const digest = new TableDigest()
    await send(stream, JSON.stringify({ table: name }))
    await run(OPEN, [id, name])
    for (;;) {
      const fetched = await run(FETCH, [])
      for (const { line } of fetched) digest.add(line)
      if (fetched.length > 0) await send(stream, fetched.map(({ line }) => line).join('\n'))
      rows += fetched.length
      onProgress?.({ tenant: id, table: name, rows, tablesDone, tables: tables.length })
      if (fetched.length === 0) break
    }
    totals[name] = digest.end()
  }
  await send(stream, JSON.stringify({ end: { manifest: manifestHash(manifest), tables: totals } }))
}

async function describe(run: Run, id: string, tables: ExportManifest['tables']): Promise<ExportManifest> {
  await run(SET_TENANT, [id])
  const [tenant] = await run(DESCRIBE, [id])
  if (tenant === undefined) throw new FleetError('TENANT_UNKNOWN', { message: `there is no tenant '${id}'` })
  if (tenant.state !== 'active') {
    throw new FleetError('TENANT_UNAVAILABLE', {
      message: `tenant '${id}' is being ${tenant.state === 'erasing' ? 'erased' : 'imported'}`,
    })
  }
  return {
    pgfleetExport: EXPORT_FORMAT,
    version: (await readMigrationFiles()).packageVersion,
    migration: tenant.migration,
    exportedAt: new Date().toISOString(),
    tenant: {
      id,
      displayName: tenant.display_name,
      quotas: tenant.quotas,
      metadata: tenant.metadata,
      createdAt: tenant.created_at.toISOString(),
    },
    auditHead:
      tenant.seal_number === null || tenant.seal_hash === null
        ? null
        : { seal: tenant.seal_number, hash: tenant.seal_hash },
    tables,
  }
}

/** Writes lines, and waits while the reader is behind. Errors: ABORTED when the reader has gone. */
async function send(stream: Gzip, lines: string): Promise<void> {
  if (!stream.destroyed && !stream.write(`${lines}\n`)) {
    await new Promise<void>((resolve) => {
      // Both go when one has come: an export waits thousands of times.
      const goOn = () => {
        stream.off('drain', goOn).off('close', goOn)
        resolve()
      }
      stream.on('drain', goOn).on('close', goOn)
    })
  }
  if (stream.destroyed) {
    throw new FleetError('ABORTED', { message: 'whoever read the export has stopped', cause: stream.errored })
  }
}
