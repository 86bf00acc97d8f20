/** What panels need to know of the server, the database and the login; read when a connection is made. */
export interface TopServer {
  /** 15 to 18. */
  readonly major: number
  /** `17.11`, without what a distribution adds. */
  readonly version: string
  readonly database: string
  readonly user: string
  /** Sees the sessions and statistics of all users. */
  readonly monitor: boolean
  /** Extensions by name, with the schema that each is in, quoted. */
  readonly extensions: Readonly<Record<string, string>>
  /** Those of RELATIONS that the database has. */
  readonly relations: readonly string[]
}

/** Tables that some panels read and not every database has. */
export const RELATIONS = ['delivery.jobs', 'platform.maintenance_runs', 'metadata.ticks'] as const

/** Reads it. */
export const SERVER = `
  select current_setting('server_version_num')::int / 10000 as major, split_part(current_setting('server_version'), ' ', 1) as version,
    current_database() as database, current_user as user, pg_has_role(current_user, 'pg_read_all_stats', 'usage') as monitor,
    (select coalesce(jsonb_object_agg(e.extname, quote_ident(n.nspname)), '{}')
      from pg_extension e join pg_namespace n on n.oid = e.extnamespace) as extensions,
    (select coalesce(jsonb_agg(r.name), '[]') from unnest(array['${RELATIONS.join("', '")}']) as r (name)
      where exists (select from pg_class k join pg_namespace o on o.oid = k.relnamespace
        where o.nspname = split_part(r.name, '.', 1) and k.relname = split_part(r.name, '.', 2))) as relations`
