import { PROVIDERS, type ProviderRole } from '../doctor/provider.js'
import type { Advice, AdvisedLine, RejectedLine } from './advice.js'

/** Short names of services that run PostgreSQL for others, and the role by which a server of theirs is known. */
export const SERVICES = {
  rds: 'rds_superuser',
  aurora: 'aurora',
  cloudsql: 'cloudsqlsuperuser',
  alloydb: 'alloydbsuperuser',
  azure: 'azure_pg_admin',
  supabase: 'supabase_admin',
  neon: 'neon_superuser',
} as const satisfies Record<string, ProviderRole>

/** The short name of a service. */
export type ServiceName = keyof typeof SERVICES

/** All short names. */
export const SERVICE_NAMES = Object.keys(SERVICES) as readonly ServiceName[]

/** The advice as a service lets it be followed. */
export interface ServiceAdvice {
  readonly service: ServiceName
  /** Its name. */
  readonly title: string
  /** Where its settings are changed. */
  readonly where: string
  /** To be set there, in the terms of postgresql.conf. */
  readonly settable: readonly AdvisedLine[]
  /** What cannot be set there, and what can be done instead. */
  readonly unsettable: readonly UnsettableLine[]
}

/** A line that a service does not let anybody set for the whole server. */
export interface UnsettableLine extends RejectedLine {
  /** Statements that do it for a role, a database or a table; empty where nobody can. */
  readonly instead: readonly string[]
}

/** The memory that a service shares out itself, and the WAL that it keeps in a storage of its own. */
const OWN_STORAGE = [
  'shared_buffers',
  'effective_cache_size',
  'max_wal_size',
  'min_wal_size',
  'checkpoint_timeout',
  'checkpoint_completion_target',
  'wal_compression',
  'huge_pages',
  'io_method',
  'io_workers',
]

/** What the command line of Supabase takes, of what is advised here. */
const SUPABASE = new Set([
  'effective_cache_size',
  'maintenance_work_mem',
  'max_connections',
  'max_locks_per_transaction',
  'max_parallel_maintenance_workers',
  'max_parallel_workers',
  'max_parallel_workers_per_gather',
  'max_wal_size',
  'max_worker_processes',
  'shared_buffers',
  'work_mem',
])

/** What Supabase lets its users set for a role, though PostgreSQL would ask for a superuser. */
const SUPABASE_ROLE = new Set(['log_lock_waits', 'log_temp_files', 'track_io_timing'])

/** Why a service does not let a setting be set; undefined where it does, as far as is known. */
const REFUSALS: Readonly<Record<ServiceName, (line: AdvisedLine) => string | undefined>> = {
  rds: ({ name }) => (name === 'huge_pages' ? 'the class of the instance decides' : undefined),
  aurora: ({ name }) =>
    name === 'shared_buffers' || name === 'effective_cache_size'
      ? 'its storage is cached in shared_buffers alone: leave it at the three quarters of memory that the parameter group gives'
      : name === 'huge_pages' || name.startsWith('io_')
        ? 'the service decides'
        : OWN_STORAGE.includes(name)
          ? 'its storage is written by the log alone: there are no checkpoints'
          : undefined,
  cloudsql: ({ name }) =>
    name === 'shared_preload_libraries'
      ? 'libraries are loaded by flags of their own; pg_stat_statements is loaded'
      : name === 'huge_pages'
        ? 'the service decides'
        : undefined,
  alloydb: ({ name }) =>
    OWN_STORAGE.includes(name)
      ? 'the service sizes its memory and its storage itself'
      : name === 'shared_preload_libraries'
        ? 'libraries are loaded by flags of their own; pg_stat_statements is loaded'
        : undefined,
  azure: () => undefined,
  supabase: ({ name }) => (SUPABASE.has(name) ? undefined : 'postgres-config does not take it'),
  neon: ({ name, context }) =>
    context === 'user'
      ? 'no setting is changed for the whole server'
      : OWN_STORAGE.includes(name)
        ? 'the service sizes its memory and its storage itself'
        : 'no setting is changed for the whole server',
}

/** Storage parameters by which a table has a setting of its own. */
const PER_TABLE = new Set([
  'autovacuum_vacuum_scale_factor',
  'autovacuum_analyze_scale_factor',
  'autovacuum_vacuum_max_threshold',
  'autovacuum_vacuum_cost_limit',
  'autovacuum_vacuum_cost_delay',
  'log_autovacuum_min_duration',
])

/** Sorts the lines of an advice by what the service lets be set, and says what else can be done. */
export function adviseService({ lines }: Advice, service: ServiceName): ServiceAdvice {
  const { name: title, where } = PROVIDERS[SERVICES[service]]
  const settable: AdvisedLine[] = []
  const unsettable: UnsettableLine[] = []
  for (const line of lines) {
    const { name, value } = line
    const reason = REFUSALS[service](line)
    if (reason === undefined) settable.push(line)
    else unsettable.push({ name, value, by: 'service', reason, instead: insteadOf(line, service) })
  }
  return { service, title, where, settable, unsettable }
}

function insteadOf({ name, value, context }: AdvisedLine, service: ServiceName): string[] {
  if (service === 'supabase' && SUPABASE_ROLE.has(name)) return [`alter role ROLE set ${name} = '${value}'`]
  if (PER_TABLE.has(name))
    return [`alter table TABLE set (${name} = ${/^[\d.]+$/.test(value) ? value : inUnit(value)})`]
  // Others than superusers may set what has the context "user".
  return context === 'user'
    ? [`alter role ROLE set ${name} = '${value}'`, `alter database DATABASE set ${name} = '${value}'`]
    : []
}

/** Storage parameters take no units: a time in milliseconds. */
function inUnit(value: string): string {
  const [, amount, unit] = /^(\d+)(ms|s|min)$/.exec(value) ?? []
  return amount === undefined ? value : String(Number(amount) * ({ ms: 1, s: 1000, min: 60_000 }[unit ?? ''] ?? 1))
}

/** A value as a parameter group of RDS takes it: a bare number in the unit of the setting. */
export function inSettingUnit({ value, unit }: Pick<AdvisedLine, 'value' | 'unit'>): string {
  const [, amount, given] = /^(\d+)(kB|MB|GB|ms|s|min)$/.exec(value) ?? []
  if (amount === undefined || given === undefined) return value
  const size: Readonly<Record<string, number>> = {
    kB: 1,
    '8kB': 8,
    MB: 1024,
    GB: 1024 ** 2,
    ms: 1,
    s: 1000,
    min: 60_000,
  }
  const [from, to] = [size[given], size[unit]]
  return from === undefined || to === undefined ? value : String(Math.floor((Number(amount) * from) / to))
}

/** The service that a server is one of, by the role by which it is known. */
export function serviceOf(role: ProviderRole | null): ServiceName | undefined {
  return SERVICE_NAMES.find((name) => SERVICES[name] === role)
}

/** The lines as a service's own tool takes them: bare numbers for RDS, else as postgresql.conf has them. */
export function formatService({ service, title, where, settable, unsettable }: ServiceAdvice): string {
  const width = Math.max(0, ...settable.map(({ name }) => name.length))
  return [
    `# ${title}: in ${where}`,
    ...settable.map(
      (line) =>
        `${line.name.padEnd(width)} = ${service === 'rds' || service === 'aurora' || service === 'azure' ? inSettingUnit(line) : line.value}${line.restart ? '  # restart' : ''}`,
    ),
    ...(unsettable.length === 0 ? [] : ['', '# Cannot be set there:']),
    ...unsettable.map(
      ({ name, reason, instead }) =>
        `# ${name}: ${reason}${instead.length === 0 ? '' : `; instead: ${instead.join(', or ')}`}`,
    ),
  ].join('\n')
}
