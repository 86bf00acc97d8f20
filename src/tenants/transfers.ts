import type { Readable } from 'node:stream'
import type { Database } from '../database/database.js'
import type { Statement } from '../database/statement.js'
import { EXPORT_STATEMENTS, type ExportOptions, exportTenant } from './tenant-export.js'
import { IMPORT_STATEMENTS, type ImportOptions, type ImportReport, importTenant } from './tenant-import.js'

/** Moves tenants between databases, also between the embedded one and a server. */
export interface Transfers {
  /**
   * A tenant as a stream of gzip, of one moment: what is written meanwhile is not in it. It begins at once and holds a
   * connection until it is read to its end or destroyed; the embedded database does nothing else meanwhile. Memory is bounded,
   * whatever the size. The stream fails with TENANT_UNKNOWN, TENANT_UNAVAILABLE, PERMISSION_DENIED, ABORTED.
   */
  export(id: string, options?: ExportOptions): Readable
  /**
   * Makes a tenant of an export, for which it is a stream or any source of bytes. Nobody enters the tenant before all is in and adds
   * up; when it fails nothing is left. When its process dies the tenant stays unavailable: `erase` removes it and frees the id.
   * Errors: TENANT_EXISTS; TENANT_ERASED, unless `reuse`; EXPORT_DAMAGED, which names what is wrong; EXPORT_UNSUITABLE; ABORTED.
   */
  import(source: AsyncIterable<Uint8Array>, options?: ImportOptions): Promise<ImportReport>
}

/** Every statement of exports and imports, for the test that prepares them all. */
export const TRANSFER_STATEMENTS: readonly Statement<unknown>[] = [...EXPORT_STATEMENTS, ...IMPORT_STATEMENTS]

export function createTransfers(database: Database): Transfers {
  return {
    export: (id, options) => exportTenant(database, id, options),
    import: (source, options) => importTenant(database, source, options),
  }
}
