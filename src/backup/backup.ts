import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { lockDirectory } from '../database/directory-lock.js'
import { FleetError, isFleetError } from '../errors.js'
import { type DirectConnection, openConnection } from './connection.js'
import { type Contents, countRows, readContents } from './contents.js'
import { type BackupKey, encryptFile, type KeySource, newKey, type Written } from './encryption.js'
import { type Backup, nameOf, PARTIAL, type Retention, removePartial, retain, verifyBackup } from './folder.js'
import { programLogin } from './login.js'
import { checksumOf, DUMP, type Manifest, writeManifest } from './manifest.js'
import { findProgram, type Program, run } from './program.js'

/** How a backup is made. */
export interface BackupOptions extends Retention {
  /** The server's url, past any pooler. */
  readonly url: string
  /** The folder of the backups; made when it is not there, for this user alone. */
  readonly folder: string
  /** Tables dumped at once, each by a connection of its own; 1 to 64. @default 2 */
  readonly jobs?: number
  /** How pg_dump compresses: `zstd:1`, `gzip:6`, `lz4`, `none`. @default 'zstd:1' */
  readonly compress?: string
  /** Encrypts the files. @default not encrypted */
  readonly key?: KeySource
  /** The folder of PostgreSQL's programs. @default PGFLEET_BIN, else they are looked for */
  readonly programs?: string
  /** Of this package, for the manifest. */
  readonly packageVersion: string
  readonly signal?: AbortSignal
  /** Told what is being done, in a few words. */
  progress?(message: string): void
}

/** What came of it. */
export interface BackupReport {
  readonly backup: Backup
  readonly milliseconds: number
  /** Older backups that the retention removed. */
  readonly removed: readonly string[]
  /** What earlier, interrupted backups had left, removed too. */
  readonly cleaned: readonly string[]
}

/** Compression that is worth its time on every machine measured: docs/backup.md. */
const COMPRESS = 'zstd:1'
const COMPRESSIONS = /^(none|(gzip|lz4|zstd)(:\d{1,2})?)$/

/**
 * Dumps a database in one snapshot, counts its rows in the same one, and keeps both with a checksum of each file. It is
 * written under a name that no reader takes for a backup, and renamed when complete and verified; only then are
 * older ones removed. An interrupted one leaves nothing, or what the next one removes.
 * Errors: OPTIONS_INVALID, BACKUP_RIGHT_MISSING, BACKUP_PROGRAM_MISSING, BACKUP_FAILED, BACKUP_BUSY, BACKUP_KEY_INVALID,
 * CONNECTION_FAILED, ABORTED.
 */
export async function createBackup(options: BackupOptions): Promise<BackupReport> {
  const began = performance.now()
  const folder = resolve(options.folder)
  const { compress = COMPRESS } = options
  if (!COMPRESSIONS.test(compress)) {
    throw new FleetError('OPTIONS_INVALID', {
      message: `compress is none, or gzip, lz4 or zstd with a level as zstd:1; got ${compress}`,
      field: 'compress',
    })
  }
  // Before anything is asked of the server: a key that cannot be used is found at once.
  const key = options.key === undefined ? undefined : await newKey(options.key)
  const connection = await openConnection(options.url, options.signal)
  try {
    const lock = await lockDirectory(folder).catch(busy)
    try {
      const cleaned = await removePartial(folder)
      const backup = await write(connection, folder, key, { ...options, compress })
      const removed = await retain(folder, backup, options)
      return { backup, milliseconds: performance.now() - began, removed, cleaned }
    } finally {
      await lock.release()
    }
  } finally {
    await connection.close()
  }
}

function busy(error: unknown): never {
  if (!isFleetError(error, 'DATABASE_LOCKED')) throw error
  throw new FleetError('BACKUP_BUSY', {
    message: `process ${error.details.pid} backs up into ${error.details.directory}`,
    cause: error,
  })
}

async function write(
  connection: DirectConnection,
  folder: string,
  key: BackupKey | undefined,
  options: BackupOptions & { readonly compress: string },
): Promise<Backup> {
  const startedAt = new Date()
  await connection.query('begin isolation level repeatable read read only')
  // With it a statement that row-level security would cut short fails instead.
  await connection.query('set local row_security = off')
  const contents = await readContents(connection)
  const program = await findProgram('pg_dump', contents.serverMajor, options.programs)
  const name = nameOf(contents.database, startedAt)
  const partial = join(folder, name + PARTIAL)
  await mkdir(partial, { mode: 0o700 })
  try {
    options.progress?.(`dumping ${contents.tables.length} tables with pg_dump ${program.version}`)
    const tables = await dump(connection, contents, program, partial, options)
    options.progress?.(key === undefined ? 'computing checksums' : 'encrypting')
    const files = await finishFiles(partial, key, options.signal)
    const manifest: Manifest = {
      format: 1,
      name,
      database: contents.database,
      systemIdentifier: contents.systemIdentifier,
      encoding: contents.encoding,
      serverVersion: contents.serverVersion,
      serverMajor: contents.serverMajor,
      programVersion: program.version,
      programMajor: program.major,
      schemaVersion: contents.schemaVersion,
      packageVersion: options.packageVersion,
      startedAt,
      endedAt: new Date(),
      databaseBytes: contents.databaseBytes,
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      files,
      tables,
      roles: contents.roles,
      memberships: contents.memberships,
      extensions: contents.extensions,
      encryption: key?.encryption ?? null,
    }
    await writeManifest(partial, manifest, key?.seal)
    options.progress?.('verifying')
    await verifyBackup({ name, path: partial, manifest }, options.signal)
    await rename(partial, join(folder, name))
    await syncFolder(folder)
    return { name, path: join(folder, name), manifest }
  } catch (error) {
    await rm(partial, { recursive: true, force: true })
    throw error
  }
}

/** Runs pg_dump on the snapshot, and counts in the same one meanwhile. */
async function dump(
  connection: DirectConnection,
  contents: Contents,
  program: Program,
  partial: string,
  options: BackupOptions & { readonly compress: string },
): Promise<Manifest['tables']> {
  const [snapshot] = await connection.query<{ id: string }>('select pg_export_snapshot() as id')
  const { address, environment } = programLogin(options.url)
  const end = new AbortController()
  const signal = options.signal === undefined ? end.signal : AbortSignal.any([end.signal, options.signal])
  const dumped = run(
    program.path,
    [
      '--format=directory',
      `--file=${join(partial, DUMP)}`,
      `--jobs=${options.jobs ?? 2}`,
      `--compress=${options.compress}`,
      `--snapshot=${snapshot?.id}`,
      '--no-password',
      `--dbname=${address}`,
    ],
    { environment, signal, code: 'BACKUP_FAILED' },
  )
  const counted = countRows(connection, contents.tables, signal)
  try {
    const [, tables] = await Promise.all([dumped, counted])
    // The snapshot lived as long as its transaction.
    await connection.query('commit')
    return tables
  } finally {
    // When pg_dump has failed, counting ends with the table it is at; when counting has, pg_dump is ended.
    end.abort()
    await Promise.allSettled([dumped, counted])
  }
}

/** Encrypts the files where there is a key, and sees them on disk; in the order of their names. */
async function finishFiles(
  partial: string,
  key: BackupKey | undefined,
  signal: AbortSignal | undefined,
): Promise<Manifest['files']> {
  const folder = join(partial, DUMP)
  const files: Manifest['files'] = []
  for (const path of (await readdir(folder)).sort()) {
    if (signal?.aborted) throw new FleetError('ABORTED', { message: 'the backup was ended', cause: signal.reason })
    const file = join(folder, path)
    files.push({ path, ...(key === undefined ? await syncFile(file, signal) : await replace(key, path, file)) })
  }
  await syncFolder(folder)
  return files
}

async function replace(key: BackupKey, path: string, file: string): Promise<Written> {
  const written = await encryptFile(key, path, file, `${file}.encrypted`)
  await rename(`${file}.encrypted`, file)
  return written
}

async function syncFile(path: string, signal: AbortSignal | undefined): Promise<Written> {
  await using file = await open(path, 'r+')
  await file.sync()
  return { bytes: (await stat(path)).size, sha256: await checksumOf(path, signal) }
}

/** Makes a rename inside the folder survive a power failure. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r')
  await folder.sync()
}
