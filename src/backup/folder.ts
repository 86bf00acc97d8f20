import { readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { FleetError, isFleetError } from '../errors.js'
import { checksumOf, DUMP, MANIFEST, type Manifest, readManifest } from './manifest.js'

/** A complete backup. */
export interface Backup {
  /** The name of its folder. */
  readonly name: string
  readonly path: string
  readonly manifest: Manifest
}

/** What a folder of backups holds. */
export interface BackupFolder {
  /** Complete ones, newest first. */
  readonly backups: readonly Backup[]
  /** Folders whose manifest cannot be used, with the reason. */
  readonly broken: readonly { readonly name: string; readonly problem: string }[]
  /** What an interrupted backup left; the next one removes it. */
  readonly partial: readonly string[]
}

/** How many backups are kept. Of both the longer holds; the newest always stays. */
export interface Retention {
  /** So many of each database of each cluster, 1 or more. */
  readonly keep?: number
  /** Those that ended less than so many milliseconds ago. */
  readonly keepForMs?: number
}

/** What a backup is called while it is written, or removed. */
export const PARTIAL = '.partial'
const NAME = /^pgfleet-.+-\d{8}T\d{6}(\d{3})?Z$/

/** The name of a new backup: sorts by time. */
export function nameOf(database: string, at: Date): string {
  return `pgfleet-${database.replaceAll(/[^\w.-]/g, '_')}-${at.toISOString().replaceAll(/[-:.]/g, '')}`
}

/** Reads what a folder holds, or the one backup that it is. Errors: BACKUP_UNKNOWN when there is no such folder. */
export async function readFolder(folder: string): Promise<BackupFolder> {
  const names = await readdir(folder).catch((cause: NodeJS.ErrnoException) => {
    throw new FleetError('BACKUP_UNKNOWN', { message: `there is no folder ${folder}: ${cause.code}`, cause })
  })
  if (names.includes(MANIFEST)) {
    return { backups: [await readBackup(folder)], broken: [], partial: [] }
  }
  const backups: Backup[] = []
  const broken: { name: string; problem: string }[] = []
  for (const name of names.filter((one) => NAME.test(one))) {
    await readBackup(join(folder, name)).then(
      (backup) => backups.push(backup),
      (error: unknown) => {
        if (!isFleetError(error)) throw error
        broken.push({ name, problem: error.message })
      },
    )
  }
  backups.sort((a, b) => b.manifest.endedAt.getTime() - a.manifest.endedAt.getTime())
  return { backups, broken, partial: names.filter((name) => isPartial(name)) }
}

/**
 * The backup at a place: its folder, its manifest, or of a folder of backups the newest, of `database` where one is named. Errors:
 * BACKUP_UNKNOWN, also where the newest could be meant of several databases; BACKUP_CORRUPT.
 */
export async function findBackup(place: string, database?: string): Promise<Backup> {
  const found = await stat(place).catch((cause: NodeJS.ErrnoException) => {
    throw new FleetError('BACKUP_UNKNOWN', { message: `there is nothing at ${place}: ${cause.code}`, cause })
  })
  if (found.isFile()) {
    if (basename(place) === MANIFEST) return await readBackup(dirname(resolve(place)))
    throw new FleetError('BACKUP_UNKNOWN', {
      message: `${place} is a file that pgfleet did not write`,
      hint: 'Name a backup’s folder or its manifest.json. Dumps made by hand are restored by pg_restore itself.',
    })
  }
  const { backups, broken } = await readFolder(place)
  const [newest, ...others] = newestOfEach(backups).filter(
    ({ manifest }) => database === undefined || manifest.database === database,
  )
  if (newest !== undefined && others.length > 0) {
    throw new FleetError('BACKUP_UNKNOWN', {
      message: `${place} holds backups of several databases, and which is meant cannot be known: ${[newest, ...others].map(({ name }) => name).join(', ')}`,
      hint: 'Name the folder of the backup that is meant.',
    })
  }
  if (newest !== undefined) return newest
  throw new FleetError('BACKUP_UNKNOWN', {
    message: `${place} holds no complete backup${database === undefined ? '' : ` of ${database}`}${broken[0] === undefined ? '' : `: ${broken[0].problem}`}`,
  })
}

/** The newest backup of each database of each cluster, newest first. `backups` are sorted so. */
export function newestOfEach(backups: readonly Backup[]): Backup[] {
  return backups.filter((backup, place) => !backups.slice(0, place).some((newer) => isOfSame(newer, backup)))
}

/** Whether two are of one database. What does not name its cluster may be of any. */
function isOfSame({ manifest: a }: Backup, { manifest: b }: Backup): boolean {
  return (
    a.database === b.database &&
    (a.systemIdentifier === b.systemIdentifier || a.systemIdentifier === null || b.systemIdentifier === null)
  )
}

async function readBackup(path: string): Promise<Backup> {
  const { manifest } = await readManifest(path)
  return { name: basename(resolve(path)), path, manifest }
}

/** Compares every file with its checksum, up to the first that differs. Errors: BACKUP_CORRUPT, which names it; ABORTED. */
export async function verifyBackup(backup: Backup, signal?: AbortSignal): Promise<void> {
  for (const { path, bytes, sha256 } of backup.manifest.files) {
    if (signal?.aborted) throw new FleetError('ABORTED', { message: 'verifying was ended', cause: signal.reason })
    const file = join(backup.path, DUMP, path)
    const corrupt = (why: string, cause?: unknown) =>
      new FleetError('BACKUP_CORRUPT', {
        message: `${file}: ${why}`,
        cause,
        details: { backup: backup.name, file: path },
      })
    const found = await stat(file).catch((cause: NodeJS.ErrnoException) => {
      throw corrupt(`it cannot be read: ${cause.code}`, cause)
    })
    if (found.size !== bytes) throw corrupt(`it has ${found.size} bytes; ${bytes} were written`)
    if ((await checksumOf(file, signal)) !== sha256) throw corrupt('its checksum differs from what was written')
  }
  const known = new Set(backup.manifest.files.map(({ path }) => path))
  const strange = (await readdir(join(backup.path, DUMP))).find((name) => !known.has(name))
  if (strange === undefined) return
  throw new FleetError('BACKUP_CORRUPT', {
    message: `${join(backup.path, DUMP, strange)} is in no manifest`,
    details: { backup: backup.name, file: strange },
  })
}

/** Removes what interrupted backups left. The caller holds the folder's lock. */
export async function removePartial(folder: string): Promise<readonly string[]> {
  const { partial } = await readFolder(folder)
  for (const name of partial) await rm(join(folder, name), { recursive: true, force: true })
  return partial
}

/**
 * Removes the complete backups of a database that the retention no longer keeps, oldest first, and tells their names; those of
 * a database of the same name in another cluster are not its own. `newest`
 * was just written and verified; it stays, whatever the retention. The caller holds the folder's lock.
 */
export async function retain(folder: string, newest: Backup, retention: Retention): Promise<readonly string[]> {
  const { keep, keepForMs } = retention
  if (keep === undefined && keepForMs === undefined) return []
  const { backups } = await readFolder(folder)
  const older = backups.filter((backup) => backup.name !== newest.name && isOfSame(backup, newest))
  const since = newest.manifest.endedAt.getTime() - (keepForMs ?? Number.POSITIVE_INFINITY)
  const isKept = ({ manifest }: Backup, place: number) =>
    (keep !== undefined && place + 1 < keep) || (keepForMs !== undefined && manifest.endedAt.getTime() >= since)
  const removed = older.filter((backup, place) => !isKept(backup, place)).reverse()
  for (const { name } of removed) {
    // Renamed first: an interrupted removal leaves nothing that looks complete.
    await rename(join(folder, name), join(folder, name + PARTIAL))
    await rm(join(folder, name + PARTIAL), { recursive: true, force: true })
  }
  return removed.map(({ name }) => name)
}

function isPartial(name: string): boolean {
  return name.endsWith(PARTIAL) && NAME.test(name.slice(0, -PARTIAL.length))
}
