import type { KnownSetting } from '../lint/settings/known-setting.js'
import type { SettingFacts } from './advice.js'

/** All that is asked of a connection here: a client, or a lent one. */
export interface Queryable {
  query<Row>(text: string, values?: unknown[]): Promise<{ rows: Row[] }>
}

/** A setting as a server has it. */
export interface ServerSetting extends KnownSetting {
  /** In its own unit. */
  readonly value: string
  readonly bootValue: string | null
  /** Where the value comes from: default, configuration file, database, user, command line ... */
  readonly source: string
  /** It was changed, and waits for a restart. */
  readonly pendingRestart: boolean
}

const SETTINGS = `
  select s.name, s.vartype as type, s.context, coalesce(s.unit, '') as unit,
    coalesce(s.min_val, '0')::float8 as min, coalesce(s.max_val, '0')::float8 as max, coalesce(s.enumvals, '{}') as values,
    coalesce(s.reset_val, s.setting, '') as value, s.boot_val as "bootValue", s.source, s.pending_restart as "pendingRestart"
  from pg_settings s`

/** Reads all settings of a server: what it is, and what it would take. */
export async function readServerSettings(connection: Queryable): Promise<ReadonlyMap<string, ServerSetting>> {
  const { rows } = await connection.query<ServerSetting>(SETTINGS)
  return new Map(rows.map((row) => [row.name.toLowerCase(), row]))
}

/** A server's settings as what a build says of them. */
export function factsOf(settings: ReadonlyMap<string, ServerSetting>): SettingFacts {
  return (name) => settings.get(name.toLowerCase())
}
