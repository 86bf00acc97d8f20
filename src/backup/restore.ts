import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { FleetError } from '../errors.js'
import { buildSettings } from './build-memory.js'
import { type DirectConnection, openConnection } from './connection.js'
import { countRows } from './contents.js'
import { decryptFile, type KeySource, openKey } from './encryption.js'
import { type Backup, findBackup, verifyBackup } from './folder.js'
import { programLogin } from './login.js'
import { DUMP, type Manifest, readManifest } from './manifest.js'
import { findProgram, type Program, run } from './program.js'
import { prepareTarget } from './target.js'

/** How a backup is restored. */
export interface RestoreOptions {
  /** The backup: its folder, its manifest, or a folder of backups, whose newest complete one is taken. */
  readonly from: string
  /** An empty database, past any pooler. */
  readonly url: string
  /** Tables and indexes restored at once, each by a connection of its own; 1 to 64. @default 2 */
  readonly jobs?: number
  /**
   * Memory for building one index, in bytes; as many are built at once as there are jobs. @default a quarter of the server's
   * shared_buffers for all jobs together, at least its maintenance_work_mem each
   */
  readonly buildMemoryBytes?: number
  /** The key of an encrypted backup. */
  readonly key?: KeySource
  /** Where an encrypted backup is decrypted to while it is restored; removed afterwards. @default beside the backup */
  readonly workFolder?: string
  /** The folder of PostgreSQL's programs. @default PGFLEET_BIN, else they are looked for */
  readonly programs?: string
  readonly signal?: AbortSignal
  /** Told what is being done, in a few words. */
  progress?(message: string): void
}

const JOBS = 2

/** What came of it. */
export interface RestoreReport {
  readonly backup: Backup
  readonly milliseconds: number
  /** Rows of all tables, which are those of the manifest. */
  readonly rows: number
  /** Roles that were missing and have been made, without passwords. */
  readonly rolesMade: readonly string[]
  /**
   * How the logs go on: `adopted` behind the last transaction of the other cluster, `ahead` because this one has come
   * further, `none` without a pgfleet schema, `migrate` when the schema is older than the step: docs/backup.md.
   */
  readonly logs: 'adopted' | 'ahead' | 'none' | 'migrate'
}

/**
 * Restores a backup into an empty database: verifies it, makes what roles are missing, runs pg_restore, gathers
 * statistics, compares the rows of each table with the manifest, and makes the logs go on in this cluster.
 * Errors: OPTIONS_INVALID, BACKUP_UNKNOWN, BACKUP_CORRUPT, BACKUP_KEY_INVALID, BACKUP_PROGRAM_MISSING, BACKUP_RIGHT_MISSING,
 * RESTORE_TARGET_NOT_EMPTY, RESTORE_UNSUITABLE, RESTORE_FAILED, RESTORE_MISMATCH, CONNECTION_FAILED, ABORTED.
 */
export async function restoreBackup(options: RestoreOptions): Promise<RestoreReport> {
  const began = performance.now()
  const { signal, url } = options
  const backup = await findBackup(options.from)
  const { manifest } = backup
  const key = await keyOf(backup, options.key)
  options.progress?.(`verifying ${backup.name}`)
  await verifyBackup(backup, signal)
  const connection = await openConnection(url, signal)
  let work: string | undefined
  try {
    const target = await prepareTarget(connection, manifest)
    const program = await findProgram(
      'pg_restore',
      Math.max(target.serverMajor, manifest.programMajor),
      options.programs,
    )
    const parent = options.workFolder ?? dirname(resolve(backup.path))
    work = await mkdtemp(join(parent, '.pgfleet-restore-'))
    let dump = join(resolve(backup.path), DUMP)
    if (key !== undefined) {
      options.progress?.('decrypting')
      for (const { path } of manifest.files) {
        if (signal?.aborted) throw new FleetError('ABORTED', { message: 'the restore was ended', cause: signal.reason })
        await decryptFile(key, path, join(dump, path), join(work, path))
      }
      dump = work
    }
    options.progress?.(`restoring with pg_restore ${program.version}`)
    const settings = await buildSettings(connection, options.jobs ?? JOBS, options.buildMemoryBytes)
    await restoreDump(program, dump, join(work, '.contents'), target.leaveOut, settings, options)
    // Rights on the database itself are in no dump.
    await connection.query(`do $$ begin
      if to_regrole('pgfleet_owner') is not null then
        execute format('grant create on database %I to pgfleet_owner', current_database());
      end if;
    end $$`)
    options.progress?.('gathering statistics and counting')
    await connection.query('analyze')
    const rows = await compareCounts(connection, manifest, signal)
    const logs = await adopt(connection)
    return { backup, milliseconds: performance.now() - began, rows, rolesMade: target.rolesMade, logs }
  } finally {
    await connection.close()
    if (work !== undefined) await rm(work, { recursive: true, force: true })
  }
}

async function keyOf({ path, manifest }: Backup, source: KeySource | undefined) {
  if (manifest.encryption === null) return undefined
  if (source === undefined) {
    throw new FleetError('BACKUP_KEY_INVALID', { message: 'the backup is encrypted, and no key was given' })
  }
  const key = await openKey(source, manifest.encryption)
  const { text, seal } = await readManifest(path)
  if (seal === key.seal(text)) return key
  throw new FleetError('BACKUP_CORRUPT', {
    message: `${path}: the manifest was not written by whoever has the key`,
    details: { file: 'manifest.json' },
  })
}

/** Runs pg_restore for what is not left out, and stops at its first error. */
async function restoreDump(
  program: Program,
  dump: string,
  contentsFile: string,
  leaveOut: (line: string) => boolean,
  settings: Readonly<Record<string, string>>,
  { url, jobs = JOBS, signal }: RestoreOptions,
): Promise<void> {
  const login = programLogin(url)
  const { address } = login
  const PGOPTIONS = Object.entries(settings)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ')
  const environment = { ...login.environment, PGOPTIONS }
  const common = { environment, signal, code: 'RESTORE_FAILED' } as const
  const contents = await run(program.path, ['--list', dump], common)
  await writeFile(
    contentsFile,
    contents
      .split('\n')
      .filter((line) => !leaveOut(line))
      .join('\n'),
    { mode: 0o600 },
  )
  await run(
    program.path,
    [`--jobs=${jobs}`, '--exit-on-error', `--use-list=${contentsFile}`, '--no-password', `--dbname=${address}`, dump],
    common,
  )
}

/** Errors: RESTORE_MISMATCH, which names the table. */
async function compareCounts(
  connection: DirectConnection,
  { tables }: Manifest,
  signal: AbortSignal | undefined,
): Promise<number> {
  await connection.query('begin isolation level repeatable read read only')
  await connection.query('set local row_security = off')
  const found = await countRows(
    connection,
    tables.map(({ name }) => name),
    signal,
  )
  await connection.query('commit')
  for (const [i, { name, rows }] of tables.entries()) {
    if (found[i]?.rows === rows) continue
    throw new FleetError('RESTORE_MISMATCH', {
      message: `${name} has ${found[i]?.rows} rows; the backup counted ${rows}`,
      details: { table: name, found: found[i]?.rows, expected: rows },
    })
  }
  return found.reduce((sum, { rows }) => sum + rows, 0)
}

async function adopt(connection: DirectConnection): Promise<RestoreReport['logs']> {
  const [there] = await connection.query<{ events: boolean; step: boolean }>(
    `select to_regclass('memory.events') is not null as events, to_regprocedure('platform.adopt_restored()') is not null as step`,
  )
  if (!there?.events) return 'none'
  if (!there.step) return 'migrate'
  const [done] = await connection.query<{ is_adopted: boolean }>('select is_adopted from platform.adopt_restored()')
  return done?.is_adopted ? 'adopted' : 'ahead'
}
