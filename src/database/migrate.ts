import { setTimeout as sleep } from 'node:timers/promises'
import { FleetError } from '../errors.js'
import type { Connection } from './connections.js'
import type { Database } from './database.js'
import { ANALYZE_EMPTY } from './empty-tables.js'
import { sqlstateOf, toFleetError } from './failure.js'
import { type Migration, type MigrationFiles, type Routine, readMigrationFiles } from './migration-files.js'
import { assertSuitable, type Suitability } from './suitability.js'

/** How a migration run behaves. */
export interface MigrateOptions {
  /** Do everything, then roll it back: proves that it would work. @default false */
  readonly dryRun?: boolean
  /** Longest wait for another run that migrates the same database, in milliseconds. @default 60000 */
  readonly waitMs?: number
  /** Longest wait for a lock on a table, in milliseconds; then the run gives way, and tries again. @default 5000 */
  readonly lockTimeoutMs?: number
  readonly signal?: AbortSignal
}

/** What a run did, or with `dryRun` would do. */
export interface MigrateReport {
  readonly version: number
  readonly migrations: readonly string[]
  readonly routines: readonly string[]
  /**
   * What becomes of processes of the version that the schema was at: they may go on beside those of this one, or were to be
   * stopped before. `none`: there was no schema, or nothing was changed.
   */
  readonly olderProcesses: 'none' | 'may-go-on' | 'must-be-stopped'
}

/** What the database has, beside what this package has. */
export interface SchemaStatus {
  /** The migration that the database is at; 0 when it has no pgfleet schema. */
  readonly version: number
  /** The newest migration of this package. */
  readonly target: number
  readonly pending: readonly string[]
  /** Functions and views whose text differs from the one applied last. */
  readonly changed: readonly string[]
  readonly applied: readonly { readonly version: number; readonly name: string; readonly appliedAt: Date }[]
  /** True when a newer pgfleet migrated it that serves processes of this one: it is used, and left alone. */
  readonly isAhead: boolean
  /** True when nothing is to be applied. */
  readonly upToDate: boolean
}

/** The oldest pgfleet whose processes a schema serves. */
interface Compatibility {
  readonly package_version: string
  readonly migration: number
}

interface Applied {
  readonly migrations: { version: number; name: string; checksum: string; applied_at: Date }[]
  readonly routines: { path: string; checksum: string; package_version: string }[]
}

const LOCK = `select pg_try_advisory_xact_lock(hashtextextended('pgfleet.migrate', 0)) as locked`

/**
 * Brings the schema to this package's version, in one transaction: all of it or nothing. Any number may start at once;
 * one works, the others wait and find it done. It polls for its transaction lock and needs no session, so it works
 * through a transaction pooler too. Errors: SCHEMA_TOO_NEW, MIGRATION_CHANGED, MIGRATION_FAILED, PERMISSION_DENIED,
 * DATABASE_UNSUITABLE, TIMEOUT, ABORTED.
 */
export async function migrate(database: Database, options: MigrateOptions = {}): Promise<MigrateReport> {
  const files = await readMigrationFiles()
  return await locked(database, options, async (connection) => {
    await bootstrap(connection, files)
    await connection.query('set local role pgfleet_owner')
    await connection.query(files.ledger)
    const applied = await readApplied(connection)
    const todo = compare(files, applied)
    await connection.query('set local check_function_bodies = off')
    for (const migration of todo.migrations) {
      await apply(connection, `${label(migration)}.sql`, migration.text)
      await connection.query(
        'insert into platform.migrations (version, name, checksum, package_version) values ($1, $2, $3, $4)',
        [migration.version, migration.name, migration.checksum, files.packageVersion],
      )
    }
    for (const routine of todo.routines) {
      await apply(connection, `${routine.path}.sql`, routine.text)
      await connection.query('set local role pgfleet_owner')
      await connection.query(
        `insert into platform.routines (path, checksum, package_version) values ($1, $2, $3)
        on conflict (path) do update
        set checksum = excluded.checksum, package_version = excluded.package_version, applied_at = now()`,
        [routine.path, routine.checksum, files.packageVersion],
      )
    }
    if (todo.migrations.length > 0) await connection.query(ANALYZE_EMPTY)
    const isChanged = todo.migrations.length + todo.routines.length > 0
    const goesOn = serves(await readCompatibility(connection), version(applied), newestPackage(applied))
    return {
      version: files.migrations.length,
      migrations: todo.migrations.map(label),
      routines: todo.routines.map((routine) => routine.path),
      olderProcesses: version(applied) === 0 || !isChanged ? 'none' : goesOn ? 'may-go-on' : 'must-be-stopped',
    }
  })
}

/**
 * Takes the schema back to an older version; 0 removes it. Functions and views go with it, the older package applies
 * its own again. Roles and extensions stay: they may be others' too. Errors: as `migrate`, and DATA_LOSS_REFUSED.
 */
export async function migrateDown(
  database: Database,
  to: number,
  options: MigrateOptions & { allowDataLoss?: boolean } = {},
): Promise<MigrateReport> {
  const files = await readMigrationFiles()
  return await locked(database, options, async (connection) => {
    await connection.query('set local role pgfleet_owner')
    const applied = await readApplied(connection)
    compare(files, applied)
    const steps = files.migrations.filter((step) => step.version > to && step.version <= version(applied)).reverse()
    const lossy = steps.find((step) => step.down.losesData)
    if (lossy !== undefined && !options.allowDataLoss) {
      throw new FleetError('DATA_LOSS_REFUSED', { message: `going below ${label(lossy)} drops its data` })
    }
    if (steps.length > 0) {
      await connection.query(`do $$
        declare
          v_name text;
          v_schemas oid[] := array(select n.oid from pg_namespace n where n.nspowner = 'pgfleet_owner'::regrole);
        begin
          -- All at once: views stand on views.
          select string_agg(c.oid::regclass::text, ', ') into v_name from pg_class c where c.relkind = 'v' and c.relnamespace = any (v_schemas);
          if v_name is not null then
            execute format('drop view %s', v_name);
          end if;
          for v_name in select p.oid::regprocedure::text from pg_proc p where p.pronamespace = any (v_schemas) loop
            execute format('drop routine %s', v_name);
          end loop;
        end $$`)
      // pgfleet-lint ignore write-without-where: all routines were dropped, so none is recorded any more
      await connection.query('delete from platform.routines')
    }
    for (const step of steps) {
      await apply(connection, `${label(step)}.down.sql`, step.down.text)
      await connection.query('delete from platform.migrations where version = $1', [step.version])
    }
    // pgfleet-lint ignore drop-cascade: the last step of the way down; only the ledger is left in the schema
    if (to === 0 && version(applied) > 0) await connection.query('drop schema platform cascade')
    return {
      version: Math.min(to, version(applied)),
      migrations: steps.map(label),
      routines: [],
      olderProcesses: steps.length === 0 ? 'none' : 'must-be-stopped',
    }
  })
}

/**
 * Compares the database with this package; changes nothing. Errors: SCHEMA_TOO_NEW, when a newer one migrated it that does not
 * serve this one; MIGRATION_CHANGED.
 */
export async function schemaStatus(database: Database): Promise<SchemaStatus> {
  const files = await readMigrationFiles()
  const { applied, isAhead } = await database.lend(async (connection) => {
    const applied = await readApplied(connection)
    if (!isNewerThan(files, applied)) return { applied, isAhead: false }
    const compatibility = await readCompatibility(connection)
    return { applied, isAhead: serves(compatibility, files.migrations.length, files.packageVersion) }
  })
  if (isAhead) assertUnchanged(files, applied)
  const todo = isAhead ? { migrations: [], routines: [] } : compare(files, applied)
  return {
    version: version(applied),
    target: files.migrations.length,
    pending: todo.migrations.map(label),
    changed: todo.routines.map((routine) => routine.path),
    applied: applied.migrations.map(({ version, name, applied_at }) => ({ version, name, appliedAt: applied_at })),
    isAhead,
    upToDate: todo.migrations.length === 0 && todo.routines.length === 0,
  }
}

/** The SQL that `migrate` would run, as one script in two parts: what needs a privileged login, and the rest. */
export async function migrationPlan(database: Database): Promise<{ bootstrap: string | undefined; steps: string }> {
  const files = await readMigrationFiles()
  return await database.lend(async (connection) => {
    const todo = compare(files, await readApplied(connection))
    const steps = [
      ...todo.migrations.map((step) => [label(step), step.text]),
      ...todo.routines.map((step) => [step.path, step.text]),
      ...(todo.migrations.length > 0 ? [['statistics of empty partitioned tables', `${ANALYZE_EMPTY};`]] : []),
    ]
    return {
      bootstrap: (await isBootstrapped(connection)) ? undefined : files.bootstrap,
      steps: steps.map(([name, text]) => `-- ${name}\n${text}`).join('\n'),
    }
  })
}

/** One transaction under the migration lock; repeated when a table lock or a role change got in the way. */
async function locked<T>(
  database: Database,
  options: MigrateOptions,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const deadline = Date.now() + (options.waitMs ?? 60_000)
  for (;;) {
    if (options.signal?.aborted) {
      throw new FleetError('ABORTED', {
        message: 'the migration was aborted while it waited; nothing was changed',
        cause: options.signal.reason,
      })
    }
    const outcome = await database.lend(async (connection) => {
      try {
        await connection.query('begin')
        await connection.query(`set local lock_timeout = ${Math.trunc(options.lockTimeoutMs ?? 5000)}`)
        const { rows } = await connection.query<{ locked: boolean }>(LOCK)
        if (!rows[0]?.locked) return undefined
        const result = await work(connection)
        if (!options.dryRun) await connection.query('commit')
        return { result }
      } catch (error) {
        if (isPassing(error)) return undefined
        throw error
      } finally {
        // Harmless after a commit; after anything else it is what undoes the work.
        await connection.query('rollback').catch(() => {})
      }
    })
    if (outcome !== undefined) return outcome.result
    if (Date.now() > deadline) {
      throw new FleetError('TIMEOUT', {
        message: `another run, or a lock on a table, kept this migration waiting for ${options.waitMs ?? 60_000} ms`,
      })
    }
    await sleep(20 + Math.random() * 80)
  }
}

/** Lock time-outs, deadlocks, and two databases of one cluster that change the same role at once. */
function isPassing(error: unknown): boolean {
  const cause = error instanceof FleetError ? error.cause : error
  const state = sqlstateOf(cause) ?? ''
  return (
    ['55P03', '40P01', '40001'].includes(state) ||
    /tuple concurrently (updated|deleted)/.test((cause as Error)?.message ?? '')
  )
}

async function apply(connection: Connection, name: string, text: string): Promise<void> {
  try {
    await connection.query(text)
  } catch (error) {
    const known = toFleetError(error, false)
    if (known.code === 'DATABASE_UNSUITABLE') throw known
    throw new FleetError('MIGRATION_FAILED', {
      message: `${name}: ${(error as Error).message}`,
      cause: error,
      details: { file: name },
    })
  }
}

async function readApplied(connection: Connection): Promise<Applied> {
  const { rows } = await connection.query<{ there: boolean }>(
    `select to_regclass('platform.routines') is not null as there`,
  )
  if (!rows[0]?.there) return { migrations: [], routines: [] }
  const migrations = await connection.query(
    'select version, name, checksum, applied_at from platform.migrations order by version',
  )
  const routines = await connection.query('select path, checksum, package_version from platform.routines')
  return { migrations: migrations.rows, routines: routines.rows }
}

/** What is left to apply; refuses a database that is newer, or whose history differs. */
function compare(files: MigrationFiles, applied: Applied): { migrations: Migration[]; routines: Routine[] } {
  const found = version(applied)
  if (isNewerThan(files, applied)) {
    throw new FleetError('SCHEMA_TOO_NEW', {
      message: `the database is at migration ${found} of pgfleet ${newestPackage(applied)}; this is pgfleet ${files.packageVersion} with ${files.migrations.length}`,
      details: { found, supported: files.migrations.length },
    })
  }
  assertUnchanged(files, applied)
  const known = new Map(applied.routines.map((routine) => [routine.path, routine.checksum]))
  return {
    migrations: files.migrations.filter((migration) => migration.version > found),
    routines: files.routines.filter((routine) => known.get(routine.path) !== routine.checksum),
  }
}

/** True when a newer package than this one migrated the database. */
function isNewerThan(files: MigrationFiles, applied: Applied): boolean {
  return version(applied) > files.migrations.length || isNewer(newestPackage(applied), files.packageVersion)
}

/** Refuses a database that has migrations of this package with another text. */
function assertUnchanged(files: MigrationFiles, applied: Applied): void {
  for (const { version, name, checksum } of applied.migrations.slice(0, files.migrations.length)) {
    const file = files.migrations[version - 1]
    if (file?.checksum !== checksum) {
      throw new FleetError('MIGRATION_CHANGED', {
        message: `migration ${version} (${name}) was applied with another text`,
        details: { version, name },
      })
    }
  }
}

/** What the schema says of itself; undefined for one of before there was such a statement. */
async function readCompatibility(connection: Connection): Promise<Compatibility | undefined> {
  const { rows: there } = await connection.query<{ there: boolean }>(
    `select to_regprocedure('platform.compatible_from()') is not null as there`,
  )
  if (!there[0]?.there) return undefined
  const { rows } = await connection.query<Compatibility>(
    'select c.package_version, c.migration from platform.compatible_from() c',
  )
  return rows[0]
}

/** Whether a schema that says this serves processes of a pgfleet with so many migrations. */
function serves(compatibility: Compatibility | undefined, migrations: number, packageVersion: string): boolean {
  return (
    compatibility !== undefined &&
    migrations >= compatibility.migration &&
    !isNewer(compatibility.package_version, packageVersion)
  )
}

/** The newest pgfleet that changed the schema. */
function newestPackage(applied: Applied): string {
  return applied.routines.reduce(
    (newest, { package_version }) => (isNewer(package_version, newest) ? package_version : newest),
    '0',
  )
}

function version(applied: Applied): number {
  return applied.migrations.at(-1)?.version ?? 0
}

function label(migration: Migration): string {
  return `${String(migration.version).padStart(4, '0')}_${migration.name}`
}

/** Compares versions like 1.10.0 number by number. */
function isNewer(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => text.split(/[.-]/).map(Number))
  for (let i = 0; i < 3; i++) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0)
    if (difference !== 0) return difference > 0
  }
  return false
}

const BOOTSTRAPPED = `
  select
    current_setting('server_version_num')::integer as server, current_setting('server_encoding') as encoding,
    to_regclass('platform.migrations') is not null as has_schema,
    (select count(*) = 5 and bool_and(pg_has_role(r.oid, 'SET') and (pg_has_role(r.oid, 'USAGE') or r.rolname not in ('pgfleet_owner', 'pgfleet_app')))
     from pg_roles r where r.rolname in ('pgfleet_owner', 'pgfleet_app', 'pgfleet_monitor', 'pgfleet_search', 'pgfleet_operator'))
    and exists (select from pg_auth_members m where m.roleid::regrole::text = 'pgfleet_app' and m.member::regrole::text = 'pgfleet_operator')
    and coalesce((select has_database_privilege(r.oid, current_database(), 'CREATE') from pg_roles r where r.rolname = 'pgfleet_owner'), false)
    and (select count(*) = 4 from pg_extension e where e.extname in ('pg_trgm', 'btree_gin', 'btree_gist', 'vector')) as done`

async function isBootstrapped(connection: Connection): Promise<boolean> {
  const { rows } = await connection.query<Suitability & { done: boolean }>(BOOTSTRAPPED)
  const [found] = rows as [Suitability & { done: boolean }]
  assertSuitable(found)
  return found.done
}

async function bootstrap(connection: Connection, files: MigrationFiles): Promise<void> {
  if (await isBootstrapped(connection)) return
  try {
    await connection.query(files.bootstrap)
  } catch (error) {
    if (isPassing(error)) throw error
    if (sqlstateOf(error) === '42501') {
      throw new FleetError('PERMISSION_DENIED', {
        message: `this login may not make the roles and extensions that pgfleet needs: ${(error as Error).message}`,
        cause: error,
      })
    }
    if (sqlstateOf(error) === '58P01' || sqlstateOf(error) === '0A000') {
      throw new FleetError('DATABASE_UNSUITABLE', {
        message: `an extension is not available: ${(error as Error).message}`,
        cause: error,
      })
    }
    throw new FleetError('MIGRATION_FAILED', { message: `bootstrap.sql: ${(error as Error).message}`, cause: error })
  }
}
