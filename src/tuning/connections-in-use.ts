import type { Bench, Reading } from './knob.js'
import type { GuardValue } from './verdict.js'

const CONNECTIONS = `
  select (select count(*) from pg_stat_activity a where a.backend_type = 'client backend')::float8 as used,
    current_setting('max_connections')::float8 - current_setting('superuser_reserved_connections')::float8
      - coalesce(current_setting('reserved_connections', true), '0')::float8 as allowed`

/** Connections of clients that the server has, and how many it allows besides those that are reserved. */
export async function connectionsInUse({ query }: Pick<Bench, 'query'>): Promise<{ used: number; allowed: number }> {
  const [row] = await query<{ used: number; allowed: number }>(CONNECTIONS)
  return { used: row?.used ?? 0, allowed: row?.allowed ?? 0 }
}

/** The guard of whatever opens more of them: looked at with each sample, and certain, since it is counted. */
export function connectionsGuard({ used = 0 }: Reading, usedMax: number): GuardValue {
  return { name: 'connections of the server in use', value: used, limit: usedMax, isFloor: false, isCertain: true }
}
