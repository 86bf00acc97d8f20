import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { cpus, release, totalmem, type } from 'node:os'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { pgbenchVersion } from './pgbench-command.js'

/** All that is needed of a database here: a pool, a client or a fleet's own. */
export interface Queryable {
  // biome-ignore lint/suspicious/noExplicitAny: rows have the shape that each statement gives them
  query(text: string, values?: unknown[]): Promise<{ rows: any[] }>
}

/** The machine, programs and settings of a run. Holds no names of hosts or users, no paths and no urls. */
export interface MachineRecord {
  /** Model of the processor. */
  readonly cpu: string
  readonly cores: number
  /** Memory in GB (10^9 bytes). */
  readonly memoryGb: number
  readonly kernel: string
  readonly node: string
  /** Version of this package. */
  readonly pgfleet: string
  /** The commit of the checkout, with "+" when files differ from it; null for an installed package. */
  readonly commit: string | null
  /** Version line of pgbench; null where there is none. */
  readonly pgbench: string | null
  readonly postgres: PostgresRecord | null
}

/** The server of a run. */
export interface PostgresRecord {
  readonly version: string
  /** The settings that decide about speed, with their units; those that the login may not see are absent. */
  readonly settings: Readonly<Record<string, string>>
}

const SETTINGS = `
  select name, current_setting(name) as setting
  from pg_settings
  where name = any ($1::text[])
  order by name`

const SETTING_NAMES = (
  'shared_buffers effective_cache_size work_mem fsync synchronous_commit full_page_writes wal_level wal_compression ' +
  'max_wal_size checkpoint_timeout autovacuum jit random_page_cost max_connections shared_preload_libraries server_version'
).split(' ')

const PACKAGE_FOLDER = new URL('../../', import.meta.url)

/** Describes this machine and, when a database is given, its server. */
export async function readMachine(database?: Queryable): Promise<MachineRecord> {
  const processors = cpus()
  const [pgfleet, commit, pgbench, postgres] = await Promise.all([
    readVersion(),
    readCommit(),
    pgbenchVersion(),
    database === undefined ? null : readPostgres(database),
  ])
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGb: Math.round(totalmem() / 1e8) / 10,
    kernel: `${type()} ${release()}`,
    node: process.version,
    pgfleet,
    commit,
    pgbench,
    postgres,
  }
}

async function readPostgres(database: Queryable): Promise<PostgresRecord> {
  const { rows } = await database.query(SETTINGS, [SETTING_NAMES])
  const { server_version: version = 'unknown', ...settings } = Object.fromEntries(
    rows.map(({ name, setting }) => [name, withoutPaths(String(setting))]),
  )
  return { version, settings }
}

/** "$libdir/a, /opt/b" becomes "a, b": where libraries lie is nobody's business. */
function withoutPaths(setting: string): string {
  return setting.replaceAll(/[^\s,]*\//g, '')
}

async function readVersion(): Promise<string> {
  const { version } = JSON.parse(await readFile(new URL('package.json', PACKAGE_FOLDER), 'utf8')) as { version: string }
  return version
}

async function readCommit(): Promise<string | null> {
  const cwd = fileURLToPath(PACKAGE_FOLDER)
  const git = async (...parameters: string[]) =>
    (await promisify(execFile)('git', parameters, { cwd, timeout: 10_000 })).stdout.trim()
  try {
    // Installed inside somebody else's repository, that repository's commit would say nothing about this package.
    if ((await git('rev-parse', '--show-prefix')) !== '') return null
    const commit = await git('rev-parse', '--short=12', 'HEAD')
    return (await git('status', '--porcelain', '--untracked-files=no')) === '' ? commit : `${commit}+`
  } catch {
    // No git, no repository or no commit yet: all of them mean that there is no commit to tell.
    return null
  }
}
