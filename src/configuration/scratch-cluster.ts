import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { FleetError } from '../errors.js'
import type { ServerPrograms, SystemUser } from './server-programs.js'
import type { Queryable } from './server-settings.js'

/** How a scratch cluster is made. */
export interface ScratchClusterOptions {
  readonly programs: ServerPrograms
  /** The user that it runs as; undefined for the one that we are. */
  readonly user: SystemUser | undefined
  /** Ends whatever is waited for. The cluster still has to be closed. */
  readonly signal: AbortSignal
}

/** How a start went: refused with what the server said, or it runs. */
export type Start = { readonly started: true } | { readonly started: false; readonly said: string }

/** What of a server's words is kept, in characters. */
const SAID_MAX = 8000
/** How long a server may take to accept connections, or to end, in milliseconds. */
const START_MS = 60_000
const STOP_MS = 60_000
const POLL_MS = 50
/** Names the socket. */
const PORT = 5432

/**
 * A cluster of its own in the temporary directory, for trying a configuration. It has a random password, and listens on a socket
 * in its own folder alone.
 */
export class ScratchCluster {
  readonly programs: ServerPrograms
  /** The superuser's url of the database `postgres`. */
  readonly url: string
  readonly #folder: string
  readonly #options: ScratchClusterOptions
  readonly #onExit: () => void
  #child: ChildProcess | undefined

  private constructor(folder: string, password: string, options: ScratchClusterOptions) {
    this.programs = options.programs
    this.url = `postgresql://postgres:${password}@${encodeURIComponent(folder)}:${PORT}/postgres`
    this.#folder = folder
    this.#options = options
    // For whoever ends this process without waiting.
    this.#onExit = () => {
      this.#child?.kill('SIGQUIT')
      rmSync(folder, { recursive: true, force: true })
    }
    process.once('exit', this.#onExit)
  }

  /** Makes a cluster, which does not run yet. Errors: SCRATCH_CLUSTER_FAILED, ABORTED. */
  static async create(options: ScratchClusterOptions): Promise<ScratchCluster> {
    const { programs, user, signal } = options
    throwIfAborted(signal)
    const folder = await mkdtemp(join(tmpdir(), 'pgfleet-scratch-'))
    const password = randomBytes(16).toString('hex')
    const cluster = new ScratchCluster(folder, password, options)
    try {
      const passwordFile = join(folder, 'password')
      await writeFile(passwordFile, password, { mode: 0o600 })
      if (user !== undefined) for (const path of [folder, passwordFile]) await chown(path, user.uid, user.gid)
      await cluster.#run(join(programs.folder, 'initdb'), [
        ...['-D', join(folder, 'data'), '-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', passwordFile],
        ...['--encoding=UTF8', '--locale=C', '--no-sync'],
      ])
      return cluster
    } catch (error) {
      await cluster.close()
      throw error
    }
  }

  /**
   * Starts it with these lines of postgresql.conf in place of those before. What the server refuses is no error: its words are
   * returned. Errors: ABORTED, SCRATCH_CLUSTER_FAILED when it neither starts nor ends.
   */
  async start(configuration: string): Promise<Start> {
    await this.stop()
    const { programs, user, signal } = this.#options
    throwIfAborted(signal)
    const data = join(this.#folder, 'data')
    const file = join(data, 'postgresql.auto.conf')
    await writeFile(file, `${configuration}\n`)
    if (user !== undefined) await chown(file, user.uid, user.gid)
    // Its folder's socket alone: a port may be taken by another meanwhile, and be reached by others.
    const own = { listen_addresses: '', unix_socket_directories: this.#folder, logging_collector: 'off' }
    const settings = Object.entries(own).flatMap(([name, value]) => ['-c', `${name}=${value}`])
    // A group of its own: Ctrl-C is ours to handle, and must not reach it first.
    const child = spawn(join(programs.folder, 'postgres'), ['-D', data, '-p', String(PORT), ...settings], {
      ...user,
      cwd: this.#folder,
      env: environment(),
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#child = child
    let said = ''
    let failure: Error | undefined
    child.on('error', (error) => {
      failure = error
    })
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (said.length < SAID_MAX) said += text
    })
    for (const end = performance.now() + START_MS; performance.now() < end; await sleep(POLL_MS)) {
      throwIfAborted(signal)
      if (failure !== undefined) throw failed('postgres cannot be run', failure)
      if (hasEnded(child)) return { started: false, said: wordsOf(said) }
      if (await this.#accepts()) return { started: true }
    }
    throw failed(`the scratch cluster did not accept connections within ${START_MS / 1000} s: ${wordsOf(said)}`)
  }

  /** What `postgres -C` makes of a value: undefined when it takes it, else its words. */
  async refusal(name: string, value: string): Promise<string | undefined> {
    const data = join(this.#folder, 'data')
    try {
      await this.#run(join(this.programs.folder, 'postgres'), ['-D', data, '-C', name, '-c', `${name}=${value}`])
      return undefined
    } catch (error) {
      if (error instanceof FleetError && error.code === 'ABORTED') throw error
      return (error as Error).message
    }
  }

  /** Lends a superuser's connection. */
  async withConnection<T>(work: (connection: Queryable) => Promise<T>): Promise<T> {
    const client = new pg.Client({ connectionString: this.url })
    client.on('error', () => {})
    await client.connect()
    try {
      return await work({ query: async (text, values) => (await client.query(text, values)) as never })
    } finally {
      await client.end()
    }
  }

  /** Ends the server in order; harmless when it does not run. */
  async stop(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || hasEnded(child) || child.pid === undefined) return
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGINT')
    const timer = setTimeout(() => child.kill('SIGQUIT'), STOP_MS)
    await ended
    clearTimeout(timer)
  }

  /** Ends the server and removes all of it; harmless to repeat. */
  async close(): Promise<void> {
    await this.stop()
    process.removeListener('exit', this.#onExit)
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }

  async #accepts(): Promise<boolean> {
    const client = new pg.Client({ connectionString: this.url, connectionTimeoutMillis: 5000 })
    client.on('error', () => {})
    try {
      await client.connect()
      await client.end()
      return true
    } catch {
      // It is still starting, or has ended; the next look tells.
      return false
    }
  }

  async #run(program: string, parameters: readonly string[]): Promise<void> {
    const { user, signal } = this.#options
    await new Promise<void>((resolve, reject) => {
      let settle = resolve
      const child = execFile(
        program,
        [...parameters],
        { ...user, cwd: this.#folder, env: environment(), signal },
        (error, _, stderr) => {
          if (error === null) return
          const failure = signal.aborted ? aborted(signal) : failed(wordsOf(stderr) || error.message, error)
          settle = () => reject(failure)
          // It could not be run at all.
          if (child.pid === undefined) settle()
        },
      )
      // An interrupted initdb is told of at once, and goes on writing for a moment: its folder would be removed under it.
      child.once('close', () => setImmediate(() => settle()))
    })
  }
}

/** Nothing of ours but the path: PGPORT and the like would lead programs elsewhere, and their words are to be English. */
function environment(): NodeJS.ProcessEnv {
  const { PATH, TMPDIR } = process.env
  return { LC_ALL: 'C', ...(PATH === undefined ? {} : { PATH }), ...(TMPDIR === undefined ? {} : { TMPDIR }) }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null

/** What matters of a server's log: complaints, without times and process ids. */
export function wordsOf(said: string): string {
  const lines = said
    .split('\n')
    .map((line) => line.replace(/^\d{4}-\d\d-\d\d [\d:.]+ \S+ \[\d+\] /, '').trim())
    .filter((line) => line !== '')
  const complaints = lines.filter(
    (line) =>
      /^(\w+: )?(FATAL|ERROR|PANIC):/.test(line) || /parameter|could not|invalid|out of range|valid range/.test(line),
  )
  return (complaints.length > 0 ? complaints : lines.slice(-3)).join('\n').slice(0, 1500)
}

const failed = (message: string, cause?: unknown) => new FleetError('SCRATCH_CLUSTER_FAILED', { message, cause })

const aborted = (signal: AbortSignal) =>
  new FleetError('ABORTED', { message: 'the trial of the configuration was ended', cause: signal.reason })

function throwIfAborted(signal: AbortSignal): void {
  if (signal.aborted) throw aborted(signal)
}
