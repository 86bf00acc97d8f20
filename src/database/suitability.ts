import { FleetError } from '../errors.js'

/** What a database has to be before there is a schema in it. */
export interface Suitability {
  /** As `server_version_num`. */
  readonly server: number
  /** How it keeps texts. */
  readonly encoding: string
  /** Whether a schema of pgfleet is there already. */
  readonly has_schema: boolean
}

/** Refuses a server that is too old, and a new schema where texts are only bytes. Errors: DATABASE_UNSUITABLE. */
export function assertSuitable({ server, encoding, has_schema: hasSchema }: Suitability): void {
  if (server < 170000) {
    throw new FleetError('DATABASE_UNSUITABLE', {
      message: `PostgreSQL 17 or newer is needed, this is ${Math.trunc(server / 10000)}`,
    })
  }
  // SQL_ASCII is what a cluster gets that was made without a locale: texts are cut in the middle of characters there, and
  // escapes in JSON are refused. What was made so goes on as it did.
  if (encoding !== 'UTF8' && !hasSchema) {
    throw new FleetError('DATABASE_UNSUITABLE', {
      message: `the database keeps texts as ${encoding}, and UTF8 is needed`,
      hint: "Make another: create database NAME template template0 encoding 'UTF8' locale 'C.UTF-8'",
    })
  }
}
