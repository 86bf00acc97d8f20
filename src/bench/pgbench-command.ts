import { spawn } from 'node:child_process'
import { FleetError } from '../errors.js'
import { abortedError, throwIfAborted } from './abort.js'

/** What a run of the program left behind. */
export interface PgbenchExit {
  /** 0 when all went well; null when a signal ended it. */
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Where the program is told to connect: the url without its password, and the password for its environment. */
export interface PgbenchServer {
  readonly url: string
  readonly password: string | null
}

/** Output beyond this is dropped, in characters. */
const OUTPUT_MAX = 1_000_000

/** Parameters that libpq knows; it refuses a url with any other, such as those of the driver of this library. */
const LIBPQ_PARAMETERS = new Set(
  'host hostaddr port user dbname sslmode sslrootcert sslcert sslkey sslcrl options connect_timeout gssencmode'.split(
    ' ',
  ),
)

/** The program to run: what was given, else the environment variable PGBENCH, else `pgbench` on the PATH. */
export function pgbenchExecutable(given?: string): string {
  return given ?? (process.env.PGBENCH || 'pgbench')
}

/** Takes the password out of a url, wherever in it it stands, so that no process list shows it. */
export function pgbenchServer(url: string): PgbenchServer {
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol)) {
    const message = 'The url of the server is not one of the form postgresql://user@host:port/database.'
    throw new FleetError('INPUT_INVALID', { message, field: 'url' })
  }
  const parsed = new URL(url)
  const password = decodeURIComponent(parsed.password) || parsed.searchParams.get('password')
  parsed.password = ''
  for (const name of [...parsed.searchParams.keys()]) {
    if (!LIBPQ_PARAMETERS.has(name)) parsed.searchParams.delete(name)
  }
  return { url: parsed.href, password }
}

/** The program's version line; null when it cannot be run. */
export async function pgbenchVersion(given?: string, signal?: AbortSignal): Promise<string | null> {
  const limit = AbortSignal.timeout(10_000)
  try {
    const exit = await runProgram(pgbenchExecutable(given), ['--version'], null, limit)
    return exit.status === 0 ? exit.stdout.trim() : null
  } catch {
    // Whatever keeps it from starting (absent, not executable, hanging) means the same here: there is no pgbench.
    throwIfAborted(signal)
    return null
  }
}

/**
 * Runs the program to its end. It gets a process group of its own, so that an abort ends it also behind a wrapper script.
 * Without a password of ours the environment's PGPASSWORD and password file serve.
 */
export function runProgram(
  program: string,
  parameters: readonly string[],
  password: string | null,
  signal: AbortSignal,
): Promise<PgbenchExit> {
  throwIfAborted(signal)
  const env = { ...process.env, ...(password === null ? {} : { PGPASSWORD: password }), PGAPPNAME: 'pgfleet bench' }
  return new Promise((resolve, reject) => {
    const child = spawn(program, parameters, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    const output = { stdout: '', stderr: '' }
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        if (output[name].length < OUTPUT_MAX) output[name] += text
      })
    }
    const onAbort = () => killGroup(child.pid)
    signal.addEventListener('abort', onAbort, { once: true })
    const settle = (then: () => void) => {
      signal.removeEventListener('abort', onAbort)
      then()
    }
    child.once('error', (error) => settle(() => reject(error)))
    child.once('close', (status) =>
      settle(() => (signal.aborted ? reject(abortedError(signal)) : resolve({ status, ...output }))),
    )
  })
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended between the abort and the kill; its close event settles the promise.
  }
}
