import type { Database } from '../../database/database.js'
import { type Statement, statement } from '../../database/statement.js'
import type { KeptSettings, SettingChange } from './history-record.js'

/** A setting as a server tells it. */
export interface SettingValue {
  readonly name: string
  readonly value: string
}

/**
 * What is set for everybody (not what this session, its client or its pooler chose), and what is set for databases and roles.
 * What the server works out for itself is left out: a version or a promotion is told as such.
 */
const SETTINGS = statement<SettingValue>(
  'monitor.settings',
  `select s.name, coalesce(s.reset_val, '') || coalesce(' ' || s.unit, '') as value
  from pg_catalog.pg_settings s
  where s.context <> 'internal' and s.source <> 'client' and s.name !~ '^transaction_'
    and s.name <> all ('{application_name,client_encoding,DateStyle,TimeZone,IntervalStyle,extra_float_digits,session_authorization,role}')
  union all
  select left(c.setting, strpos(c.setting, '=') - 1)
      || coalesce(' of database ' || d.datname, '') || coalesce(' of role ' || r.rolname, ''),
    substr(c.setting, strpos(c.setting, '=') + 1)
  from pg_catalog.pg_db_role_setting o
  cross join unnest(o.setconfig) as c(setting)
  left join pg_catalog.pg_database d on d.oid = o.setdatabase
  left join pg_catalog.pg_roles r on r.oid = o.setrole
  order by 1`,
)

/** The statements of this file, for the test that prepares them. */
export const SETTING_STATEMENTS: readonly Statement<unknown>[] = [SETTINGS]

/** Reads the settings of a server. Errors: those of the database. */
export async function readSettings(database: Database, signal: AbortSignal): Promise<SettingValue[]> {
  return await database.run(SETTINGS, [], { reads: true, idempotent: true, signal })
}

/** What stands in the place of a value that may be a secret. */
const HIDDEN = '(hidden)'

/** Names whose values may carry passwords or keys: connection strings, commands of a shell, and what says so. */
const SECRET = /conninfo|command|passphrase|passw|secret|token|credential|_key\b|\bkey\b|url\b/i

/** Extensions whose settings are no secrets; whatever else has a dot in its name is some application's own, and hidden. */
const KNOWN = new Set(
  'auto_explain citus cron hnsw ivfflat pg_hint_plan pg_prewarm pg_stat_statements pg_trgm pgaudit plpgsql timescaledb'.split(
    ' ',
  ),
)

/** Longest value that is kept, in characters. */
const VALUE_MAX = 500

/** A value as it may be kept: no secret, and bounded. */
function shown({ name, value }: SettingValue): string {
  const [prefix = '', rest] = (name.split(' ')[0] ?? '').split('.')
  if (SECRET.test(name) || (rest !== undefined && !KNOWN.has(prefix))) return HIDDEN
  return value.length > VALUE_MAX ? `${value.slice(0, VALUE_MAX).toWellFormed()}…` : value
}

/**
 * Follows the settings of a server. Values that may be secrets never leave this object: of them it tells that they
 * changed, as long as it lives, and nothing else.
 */
export class SettingHistory {
  #kept: KeptSettings | undefined
  #values = new Map<string, string>()

  /** `kept` are those that the history knows from before. */
  constructor(kept?: KeptSettings) {
    this.#kept = kept
  }

  /** What changed since the last look; the first look at a server without a history tells nothing. */
  next(settings: readonly SettingValue[]): { settings: KeptSettings; changes: SettingChange[] } {
    const before = this.#kept
    const now: KeptSettings = Object.fromEntries(settings.map((setting) => [setting.name, shown(setting)]))
    const values = new Map(settings.map(({ name, value }) => [name, value]))
    const changes =
      before === undefined
        ? []
        : [...new Set([...Object.keys(before), ...Object.keys(now)])].sort().flatMap((name) => {
            const [from, to] = [before[name] ?? null, now[name] ?? null]
            const differs = this.#values.has(name) && values.has(name) && this.#values.get(name) !== values.get(name)
            return from !== to || differs ? [{ name, from, to }] : []
          })
    this.#kept = now
    this.#values = values
    return { settings: now, changes }
  }
}
