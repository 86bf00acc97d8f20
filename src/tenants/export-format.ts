import { createHash, type Hash } from 'node:crypto'
import { z } from 'zod'

/** The version of the format: what is written by another one is refused. */
export const EXPORT_FORMAT = 1

/** A table of an export, with the columns of its rows in their order. */
const exportedTable = z.strictObject({
  name: z.string().regex(/^[a-z_]+\.[a-z0-9_]+$/),
  columns: z
    .array(z.strictObject({ name: z.string(), type: z.string() }))
    .min(1)
    .max(1600),
})

/** The first line of an export. */
export const manifestLine = z.strictObject({
  pgfleetExport: z.literal(EXPORT_FORMAT),
  version: z.string(),
  migration: z.int().min(1),
  exportedAt: z.iso.datetime(),
  tenant: z.strictObject({
    id: z.string(),
    displayName: z.string().nullable(),
    quotas: z.record(z.string(), z.int().min(0)),
    metadata: z.record(z.string(), z.unknown()),
    createdAt: z.iso.datetime(),
  }),
  auditHead: z.strictObject({ seal: z.int().min(1), hash: z.hex().length(64) }).nullable(),
  tables: z.array(exportedTable).max(10_000),
})

/** What an export is of, before its rows: who reads it decides by this whether they fit. */
export type ExportManifest = z.output<typeof manifestLine>

/** Stands before the rows of a table. */
export const tableLine = z.strictObject({ table: z.string() })

/** The last line: what was before it has to add up to this. */
export const endLine = z.strictObject({
  end: z.strictObject({
    manifest: z.hex().length(64),
    tables: z.record(z.string(), z.strictObject({ rows: z.int().min(0), sha256: z.hex().length(64) })),
  }),
})

/** Counts and hashes the lines of a table. */
export class TableDigest {
  rows = 0
  readonly #hash: Hash = createHash('sha256')

  /** Takes in a line, without its end. */
  add(line: string): void {
    this.rows++
    this.#hash.update(line)
    this.#hash.update('\n')
  }

  /** To be called once. */
  end(): { rows: number; sha256: string } {
    return { rows: this.rows, sha256: this.#hash.digest('hex') }
  }
}

/** The hash of the first line, in hex. */
export function manifestHash(line: string): string {
  return createHash('sha256').update(line).digest('hex')
}
