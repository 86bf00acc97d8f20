import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { FleetError } from '../errors.js'

/** The programs that make and run a server. */
export interface ServerPrograms {
  /** Their folder. */
  readonly folder: string
  readonly major: number
  /** Like `17.6`. */
  readonly version: string
}

/** The user that programs are run as. */
export interface SystemUser {
  readonly uid: number
  readonly gid: number
}

const run = promisify(execFile)
/** How long a program may take to tell its version, in milliseconds. */
const VERSION_TIMEOUT_MS = 10_000

/**
 * Finds initdb and postgres of a major: in `folder` (else PGFLEET_BIN) when they are there, else in /usr/lib/postgresql, where
 * pg_config points, and on the PATH. Errors: SERVER_PROGRAMS_MISSING.
 */
export async function findServerPrograms(major: number, folder?: string): Promise<ServerPrograms> {
  const seen: string[] = []
  for (const place of folder === undefined ? await usualFolders(major) : [folder]) {
    const isThere = await Promise.all(
      ['initdb', 'postgres'].map((name) => access(join(place, name), constants.X_OK)),
    ).then(
      () => true,
      () => false,
    )
    if (!isThere) continue
    const version = await versionOf(join(place, 'postgres'))
    if (version !== undefined && Number.parseInt(version, 10) === major) return { folder: place, major, version }
    seen.push(`${place} has ${version ?? 'one that does not run'}`)
  }
  throw new FleetError('SERVER_PROGRAMS_MISSING', {
    message: `initdb and postgres ${major} are needed; ${seen.join(', ') || `there are none${folder === undefined ? '' : ` in ${folder}`}`}`,
    hint: `Install the server of PostgreSQL ${major} (Debian: postgresql-${major}), or name the folder of its programs with --bin.`,
    details: { needed: major },
  })
}

async function usualFolders(major: number): Promise<string[]> {
  const { PGFLEET_BIN, PATH = '' } = process.env
  const configured = await run('pg_config', ['--bindir'], { timeout: VERSION_TIMEOUT_MS }).then(
    ({ stdout }) => stdout.trim(),
    () => '',
  )
  return [PGFLEET_BIN ?? '', `/usr/lib/postgresql/${major}/bin`, configured, ...PATH.split(delimiter)].filter(
    (place) => place !== '',
  )
}

/** `postgres (PostgreSQL) 17.6 (Debian ...)` as `17.6`; undefined when it says something else. */
async function versionOf(path: string): Promise<string | undefined> {
  const { stdout } = await run(path, ['--version'], { timeout: VERSION_TIMEOUT_MS }).catch(() => ({ stdout: '' }))
  return /\(PostgreSQL\) (\d+(?:\.\d+|beta\d+|rc\d+|devel)?)/.exec(stdout)?.[1]
}

/**
 * The user to run servers as: undefined for the one that we are. Root is refused by PostgreSQL: then it is the named user,
 * else `postgres` where there is one, else `nobody`. Errors: OPTIONS_INVALID for a user that does not exist, or that only
 * root could become.
 */
export async function systemUser(name?: string): Promise<SystemUser | undefined> {
  if (process.getuid?.() !== 0) {
    if (name === undefined) return undefined
    throw invalidUser('only root can run programs as another user')
  }
  for (const each of name === undefined ? ['postgres', 'nobody'] : [name]) {
    const ids = await Promise.all(['-u', '-g'].map((flag) => run('id', [flag, '--', each]))).catch(() => undefined)
    const [uid, gid] = ids?.map(({ stdout }) => Number(stdout)) ?? []
    if (uid === 0) throw invalidUser(`PostgreSQL does not run as ${each}`)
    if (uid !== undefined && gid !== undefined) return { uid, gid }
  }
  throw invalidUser(name === undefined ? 'there is neither postgres nor nobody' : `there is no user ${name}`)
}

const invalidUser = (message: string) =>
  new FleetError('OPTIONS_INVALID', { message: `systemUser: ${message}`, field: 'systemUser' })
