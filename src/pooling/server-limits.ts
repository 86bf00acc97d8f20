import type { Database } from '../database/database.js'
import { statement } from '../database/statement.js'
import type { ServerLimits } from './pool-size.js'

/** What a server says of its connections. */
export interface ServerConnections extends ServerLimits {
  /** Connections that are open now, this one included. */
  readonly openConnections: number
  readonly database: string
  /** Whether it takes encrypted connections. */
  readonly tls: boolean
}

const CONNECTIONS = statement<ServerConnections>(
  'platform.server_connections',
  `select current_setting('max_connections')::integer as "maxConnections",
    (current_setting('superuser_reserved_connections')::integer
      + coalesce(current_setting('reserved_connections', true), '0')::integer) as "reservedConnections",
    (select count(*)::integer from pg_stat_activity a where a.backend_type = 'client backend') as "openConnections",
    current_database()::text as database,
    current_setting('ssl')::boolean as tls`,
)

/** Asks the server; it may be behind a pooler. */
export async function serverConnections(database: Database): Promise<ServerConnections> {
  const [row] = await database.run(CONNECTIONS, [], { idempotent: true, reads: true })
  if (row === undefined) throw new Error('the server returned no row')
  return row
}
