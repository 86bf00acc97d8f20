import { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import { createGunzip } from 'node:zlib'
import { z } from 'zod'
import type { Database } from '../database/database.js'
import { sqlstateOf } from '../database/failure.js'
import { type Statement, statement } from '../database/statement.js'
import { FleetError, isFleetError } from '../errors.js'
import { newId } from '../id.js'
import { check } from '../input.js'
import { AS_OWNER, runAsOwner } from './as-owner.js'
import { eraseImport } from './erasure.js'
import { type ExportManifest, endLine, manifestHash, manifestLine, TableDigest, tableLine } from './export-format.js'
import { exportableTables } from './tenant-export.js'
import { assertTenantId } from './tenant-id.js'

/** How an export is imported. */
export interface ImportOptions {
  /** The id of the new tenant; under another one API keys and secrets are left out. @default the one it had */
  readonly as?: string
  /** Also when a tenant of that id was erased. @default false */
  readonly reuse?: boolean
  /** Stops; what was imported by then is removed again. */
  readonly signal?: AbortSignal
  /** Told after each batch. */
  readonly onProgress?: (progress: ImportProgress) => void
}

/** How far an import has come. */
export interface ImportProgress {
  readonly tenant: string
  readonly table: string
  /** Rows of all tables so far. */
  readonly rows: number
  /** Tables that have begun, of how many. */
  readonly tablesDone: number
  readonly tables: number
}

/** What an import did. */
export interface ImportReport {
  readonly tenant: string
  /** The tenant's id where it was exported. */
  readonly from: string
  readonly exportedAt: Date
  /** Rows inserted, by table. */
  readonly tables: Readonly<Record<string, number>>
  readonly rows: number
  /** Rows that were left out, by table: of months that are past their table's retention, and with `as` API keys and secrets. */
  readonly leftOut: Readonly<Record<string, number>>
  /** The last seal of the audit log where it was exported, the hash in hex: the chain begins anew here. */
  readonly auditHead: { readonly seal: number; readonly hash: string } | null
}

const BEGIN = statement<unknown>(
  'platform.begin_import',
  'select platform.begin_import($1::text, $2::uuid, $3::text, $4::jsonb, $5::jsonb, $6::boolean)',
)

const IMPORT_ROWS = statement<{ inserted: number }>(
  'platform.import_rows',
  'select platform.import_rows($1::text, $2::uuid, $3::text, $4::text[], $5::jsonb) as inserted',
)

const FINISH = statement<unknown>('platform.finish_import', 'select platform.finish_import($1::text, $2::uuid)')

/** Every statement of this file, for the test that prepares them all. */
export const IMPORT_STATEMENTS: readonly Statement<unknown>[] = [BEGIN, IMPORT_ROWS, FINISH]

const importOptions = z.strictObject({
  as: z.string().optional(),
  reuse: z.boolean().default(false),
  signal: z.instanceof(AbortSignal).optional(),
  onProgress: z.custom<(progress: ImportProgress) => void>((value) => typeof value === 'function').optional(),
})

/** A batch ends at so many rows, or characters of them. */
const BATCH_ROWS = 500
const BATCH_CHARACTERS = 2 * 1024 * 1024

/** What these hold is bound to the tenant's id: keys name it, and data keys are wrapped for it. */
const BOUND_TO_ID = ['memory.api_keys', 'memory.data_keys', 'memory.secrets']

/** Imports an export: see `Transfers.import`. */
export async function importTenant(
  database: Database,
  source: AsyncIterable<Uint8Array>,
  options: ImportOptions = {},
): Promise<ImportReport> {
  const { as, reuse, signal, onProgress } = check('options', importOptions, options)
  if (as !== undefined) assertTenantId(as)
  const lines = linesOf(source)
  try {
    const line = await nextLine(lines, 'its manifest')
    const manifest = parse(line, manifestLine, 'the manifest')
    await assertFits(database, manifest)
    const id = as ?? manifest.tenant.id
    assertTenantId(id)
    const importId = newId()
    const { displayName, quotas, metadata } = manifest.tenant
    await runAsOwner(database, BEGIN, [
      id,
      importId,
      displayName,
      JSON.stringify(quotas),
      JSON.stringify(metadata),
      reuse,
    ])
    try {
      const work = new TenantImport(database, id, importId, manifest, signal, onProgress)
      const report = await work.run(lines, manifestHash(line))
      await runAsOwner(database, FINISH, [id, importId])
      return report
    } catch (error) {
      await eraseImport(database, id).catch((left: Error) => {
        if (!isFleetError(error)) throw error
        throw new FleetError(error.code, {
          message: `${error.message}; and what it had written is still there: ${left.message}`,
          hint: `Erase tenant ${id}, which nobody can enter; then import again.`,
          cause: error,
        })
      })
      throw error
    }
  } finally {
    await lines.return?.(undefined)
  }
}

class TenantImport {
  readonly #inserted = new Map<string, number>()
  readonly #leftOut = new Map<string, number>()
  readonly #digests = new Map<string, TableDigest>()
  #batch: string[] = []
  #characters = 0
  #rows = 0

  constructor(
    private readonly database: Database,
    private readonly id: string,
    private readonly importId: string,
    private readonly manifest: ExportManifest,
    private readonly signal: AbortSignal | undefined,
    private readonly onProgress: ImportOptions['onProgress'],
  ) {}

  /** Reads on to the end; resolves when all is in and adds up. */
  async run(lines: AsyncIterator<string>, manifestSha256: string): Promise<ImportReport> {
    let table: ExportManifest['tables'][number] | undefined
    for (;;) {
      const line = await nextLine(lines, table === undefined ? 'its first table' : `table ${table.name}`)
      if (line.startsWith('[')) {
        if (table === undefined) throw damaged('there are rows before the first table')
        await this.#add(table, line)
        continue
      }
      if (table !== undefined) await this.#flush(table)
      if (line.startsWith('{"end"')) {
        this.#assertAddsUp(parse(line, endLine, 'the last line').end, manifestSha256)
        const more = await lines.next()
        if (!more.done) throw damaged('something follows its last line')
        return this.#report()
      }
      const { table: name } = parse(line, tableLine, `what follows table ${table?.name ?? '(none)'}`)
      table = this.manifest.tables.find((one) => one.name === name)
      if (table === undefined) throw damaged(`its manifest does not name table ${name}`)
      if (this.#digests.has(name)) throw damaged(`table ${name} is there twice`)
      this.#digests.set(name, new TableDigest())
      this.#inserted.set(name, 0)
    }
  }

  async #add(table: ExportManifest['tables'][number], line: string): Promise<void> {
    this.#digests.get(table.name)?.add(line)
    this.#batch.push(line)
    this.#characters += line.length
    if (this.#batch.length >= BATCH_ROWS || this.#characters >= BATCH_CHARACTERS) await this.#flush(table)
  }

  async #flush({ name, columns }: ExportManifest['tables'][number]): Promise<void> {
    if (this.signal?.aborted) {
      throw new FleetError('ABORTED', {
        message: 'the import was aborted; nothing of it is left',
        cause: this.signal.reason,
      })
    }
    const batch = this.#batch
    this.#batch = []
    this.#characters = 0
    if (batch.length > 0) {
      const inserted = this.#isLeftOut(name)
        ? 0
        : await this.#insert(
            name,
            columns.map((column) => column.name),
            batch,
          )
      this.#inserted.set(name, (this.#inserted.get(name) ?? 0) + inserted)
      if (inserted < batch.length) {
        this.#leftOut.set(name, (this.#leftOut.get(name) ?? 0) + batch.length - inserted)
      }
      this.#rows += inserted
    }
    const tables = this.manifest.tables.length
    this.onProgress?.({ tenant: this.id, table: name, rows: this.#rows, tablesDone: this.#digests.size, tables })
  }

  #isLeftOut(table: string): boolean {
    return this.id !== this.manifest.tenant.id && BOUND_TO_ID.includes(table)
  }

  async #insert(table: string, columns: string[], batch: readonly string[]): Promise<number> {
    try {
      const values = [this.id, this.importId, table, columns, `[${batch.join(',')}]`]
      const [row] = await runAsOwner(this.database, IMPORT_ROWS, values)
      return row?.inserted ?? 0
    } catch (error) {
      // A value that its column does not take, a row that contradicts another, or one that is no entry of the audit.
      const state = sqlstateOf(error) ?? ''
      if (/^2[23]/.test(state) || (state === '42501' && /"entry_shape"/.test(String(error))))
        throw damaged(`rows of table ${table} cannot be inserted`, error)
      throw error
    }
  }

  #assertAddsUp(end: z.output<typeof endLine>['end'], manifestSha256: string): void {
    if (end.manifest !== manifestSha256) throw damaged('its manifest was altered')
    for (const { name } of this.manifest.tables) {
      const found = this.#digests.get(name)?.end()
      const expected = end.tables[name]
      if (found === undefined || expected === undefined) throw damaged(`table ${name} is missing`)
      if (found.rows !== expected.rows) {
        throw damaged(`table ${name} has ${found.rows} rows instead of ${expected.rows}`)
      }
      if (found.sha256 !== expected.sha256) throw damaged(`rows of table ${name} were altered`)
    }
  }

  #report(): ImportReport {
    return {
      tenant: this.id,
      from: this.manifest.tenant.id,
      exportedAt: new Date(this.manifest.exportedAt),
      tables: Object.fromEntries([...this.#inserted].filter(([, rows]) => rows > 0)),
      rows: this.#rows,
      leftOut: Object.fromEntries(this.#leftOut),
      auditHead: this.manifest.auditHead,
    }
  }
}

/** Every table and column has to be here, of the same type. Errors: EXPORT_UNSUITABLE. */
async function assertFits(database: Database, manifest: ExportManifest): Promise<void> {
  const here = await database.transaction('begin', [{ statement: AS_OWNER, values: [] }], exportableTables)
  const known = new Map(here.map((table) => [table.name, new Map(table.columns.map(({ name, type }) => [name, type]))]))
  for (const table of manifest.tables) {
    const columns = known.get(table.name)
    if (columns === undefined) throw unsuitable(manifest, `has no table ${table.name} to move rows into`)
    for (const { name, type } of table.columns) {
      if (columns.get(name) !== type) {
        throw unsuitable(
          manifest,
          `has ${columns.get(name) ?? 'nothing'} for column ${table.name}.${name}, which is ${type}`,
        )
      }
    }
  }
}

/**
 * Lines of what was compressed; a line is a row of a table, so memory is a few rows. Only a line feed ends one: rows hold other
 * characters that readline takes for an end.
 */
async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<string, undefined> {
  const input = Readable.from(source, { objectMode: false })
  const gunzip = createGunzip()
  let failed: Error | undefined
  input.on('error', (error) => {
    failed ??= error
    gunzip.destroy(error)
  })
  gunzip.on('error', (error) => {
    failed ??= damaged('it is cut off, or no gzip stream', error)
  })
  const decoder = new StringDecoder('utf8')
  let line: string[] = []
  try {
    for await (const bytes of input.pipe(gunzip)) {
      const text = decoder.write(bytes as Buffer)
      let start = 0
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
        yield line.concat(text.slice(start, end)).join('')
        line = []
        start = end + 1
      }
      line.push(text.slice(start))
    }
    const rest = line.concat(decoder.end()).join('')
    if (rest !== '') yield rest
  } catch (error) {
    throw failed ?? error
  } finally {
    input.destroy()
    gunzip.destroy()
  }
}

async function nextLine(lines: AsyncIterator<string>, place: string): Promise<string> {
  const next = await lines.next()
  if (next.done) throw damaged(`it ends before ${place} is complete`)
  return next.value
}

function parse<Schema extends z.ZodType>(line: string, schema: Schema, what: string): z.output<Schema> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch (error) {
    throw damaged(`${what} cannot be read`, error)
  }
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw damaged(`${what} cannot be read: ${parsed.error.issues[0]?.path.join('.')}`)
}

function damaged(what: string, cause?: unknown): FleetError {
  return isFleetError(cause, 'EXPORT_DAMAGED')
    ? cause
    : new FleetError('EXPORT_DAMAGED', { message: `the export cannot be imported: ${what}`, cause })
}

function unsuitable(manifest: ExportManifest, what: string): FleetError {
  return new FleetError('EXPORT_UNSUITABLE', {
    message: `the export was made by pgfleet ${manifest.version}, and this database ${what}`,
  })
}
