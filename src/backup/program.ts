import { spawn } from 'node:child_process'
import { access, constants, readdir } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { onAbort } from '../database/abort-signal.js'
import { type ErrorCode, FleetError } from '../errors.js'

/** A program of PostgreSQL, and its version. */
export interface Program {
  readonly path: string
  /** Like `17.6`. */
  readonly version: string
  readonly major: number
}

/** How a program is run. */
export interface RunOptions {
  readonly environment: Readonly<Record<string, string>>
  /** Ends the program, which is waited for. */
  readonly signal?: AbortSignal | undefined
  /** The error when it fails. */
  readonly code: ErrorCode
}

/** Where Debian and its relatives keep the programs of each version. */
const VERSIONS_FOLDER = '/usr/lib/postgresql'

/** How much of what a program says is kept, in characters: the end counts. */
const SAID_MAX = 4000

/** How long a program that was asked to end may take until it is killed, in milliseconds. */
const END_MS = 10_000

/**
 * Finds pg_dump or pg_restore: in `folder` (else PGFLEET_BIN) alone when given, else on the PATH and in
 * /usr/lib/postgresql. The one of the wanted major version is preferred, then the oldest that is newer; an older one
 * cannot do it. Errors: BACKUP_PROGRAM_MISSING.
 */
export async function findProgram(
  name: 'pg_dump' | 'pg_restore',
  major: number,
  folder: string | undefined = process.env.PGFLEET_BIN,
): Promise<Program> {
  const found: Program[] = []
  for (const place of folder === undefined || folder === '' ? await usualFolders(major) : [folder]) {
    const path = join(place, name)
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (!isThere) continue
    const version = await versionOf(path)
    if (version !== undefined) found.push({ path, version, major: Number.parseInt(version, 10) })
    if (found.at(-1)?.major === major) break
  }
  const [best] = found.filter((one) => one.major >= major).sort((a, b) => a.major - b.major)
  if (best !== undefined) return best
  const seen = found.map(({ path, version }) => `${path} is ${version}`).join(', ')
  throw new FleetError('BACKUP_PROGRAM_MISSING', {
    message: `${name} ${major} or newer is needed; ${seen === '' ? `there is none${folder ? ` in ${folder}` : ''}` : seen}`,
    hint: `Install the client programs of PostgreSQL ${major} (Debian: postgresql-client-${major}), or name their folder with --bin or PGFLEET_BIN.`,
    details: { program: name, needed: major, found: found.map(({ path, version }) => ({ path, version })) },
  })
}

async function usualFolders(major: number): Promise<string[]> {
  const versions = await readdir(VERSIONS_FOLDER).catch(() => [])
  const wanted = versions.filter((version) => Number(version) >= major).sort((a, b) => Number(a) - Number(b))
  const onPath = (process.env.PATH ?? '').split(delimiter).filter((place) => place !== '')
  return [...wanted.map((version) => join(VERSIONS_FOLDER, version, 'bin')), ...onPath]
}

/** `pg_dump (PostgreSQL) 17.6 (Debian ...)` as `17.6`; undefined when it says something else. */
async function versionOf(path: string): Promise<string | undefined> {
  const said = await run(path, ['--version'], { environment: {}, code: 'BACKUP_PROGRAM_MISSING' }).catch(() => '')
  return /\(PostgreSQL\) (\d+(?:\.\d+|beta\d+|rc\d+|devel)?)/.exec(said)?.[1]
}

/**
 * Runs a program to its end and returns what it wrote to stdout. Nothing secret may be among the arguments. An aborted
 * one is asked to end, then killed, and waited for. Errors: the given code with what it said, ABORTED.
 */
export async function run(path: string, args: readonly string[], options: RunOptions): Promise<string> {
  const { signal, code, environment } = options
  const name = path.split('/').at(-1)
  if (signal?.aborted) throw new FleetError('ABORTED', { message: `${name} was not begun`, cause: signal.reason })
  const child = spawn(path, args, { env: { ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
  const stdout: string[] = []
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => stdout.push(text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-SAID_MAX)
  })
  let timer: NodeJS.Timeout | undefined
  const forget = onAbort(signal, () => {
    child.kill('SIGTERM')
    timer = setTimeout(() => child.kill('SIGKILL'), END_MS)
  })
  try {
    const status = await new Promise<number | string>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (exitCode, endedBy) => resolve(exitCode ?? endedBy ?? 'nothing'))
    }).catch((cause: Error) => {
      throw new FleetError(code, { message: `${path} cannot be run: ${cause.message}`, cause })
    })
    if (signal?.aborted) throw new FleetError('ABORTED', { message: `${name} was ended`, cause: signal.reason })
    if (status !== 0) {
      throw new FleetError(code, {
        message: `${name} ended with ${status}: ${lastLines(said)}`,
        details: { program: path, status, stderr: said.trim() },
      })
    }
    return stdout.join('')
  } finally {
    clearTimeout(timer)
    forget()
  }
}

/** What matters of what a program said: its errors, or its last lines. */
function lastLines(said: string): string {
  const lines = said.trim().split('\n')
  const errors = lines.filter((line) => /error|fatal/i.test(line))
  return (errors.length > 0 ? errors : lines).slice(-3).join('; ') || 'it said nothing'
}
