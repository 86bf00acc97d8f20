import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Command } from 'commander'
import { FleetError } from '../../errors.js'
import { poolSize } from '../../pooling/pool-size.js'
import { type PoolerPlan, planPooler, poolerIni, poolerSql, poolerUsers } from '../../pooling/pooler.js'
import { scramVerifier } from '../../pooling/scram-verifier.js'
import { type ServerConnections, serverConnections } from '../../pooling/server-limits.js'
import { action, type Context, type Shell } from '../context.js'
import { serverCores } from '../cores.js'
import { EXIT } from '../failure.js'
import { wholeNumber } from '../numbers.js'
import { oneHost } from '../where.js'

interface PoolerOptions {
  readonly host?: string
  readonly port?: number
  readonly database?: string
  readonly maxConnections?: number
  readonly reserved?: number
  readonly direct: number
  readonly poolers: number
  readonly cores?: number
  readonly poolSize?: number
  readonly clients: number
  readonly listen: string
  readonly listenPort: number
  readonly tlsCert?: string
  readonly tlsKey?: string
  readonly user: string
  readonly userFile?: string
  readonly out?: string
}

/** `pgfleet pgbouncer`: a configuration of PgBouncer that fits the server. */
export function addPgbouncer(program: Command, shell: Shell): void {
  program
    .command('pgbouncer')
    .description('write a configuration of PgBouncer that fits the server')
    .option(
      '--out <dir>',
      'write pgbouncer.ini, userlist.txt and pooler.sql there, with a new password; else print the first',
    )
    .option('--host <host>', 'where the pooler finds the server, if not as --url does')
    .option('--port <port>', 'the port of that', wholeNumber(1, 65_535))
    .option('--database <name>', 'the database, if not the one of --url')
    .option('--max-connections <n>', 'max_connections of the server, without asking it', wholeNumber(1, 262_143))
    .option('--reserved <n>', 'connections that it reserves, without asking it', wholeNumber(0, 262_143))
    .option('--direct <n>', 'connections to keep for whoever comes without a pooler', wholeNumber(0, 262_143), 10)
    .option('--poolers <n>', 'poolers of this kind in front of the server', wholeNumber(1, 1000), 1)
    .option('--cores <n>', "cores of the server's machine", wholeNumber(1, 4096))
    .option('--pool-size <n>', 'connections of a login, if not twice the cores', wholeNumber(1, 10_000))
    .option('--clients <n>', 'most clients of the pooler', wholeNumber(1, 1_000_000), 1000)
    .option('--listen <address>', 'address on which it listens', '127.0.0.1')
    .option('--listen-port <port>', 'port on which it listens', wholeNumber(1, 65_535), 6432)
    .option('--tls-cert <file>', 'certificate for clients')
    .option('--tls-key <file>', 'key of the certificate')
    .option('--user <name>', "the pooler's own login", 'pgfleet_pooler')
    .option('--user-file <file>', 'where userlist.txt will be')
    .addHelpText(
      'after',
      `
Asks the server of --url for its settings; with --host, --database and --max-connections it asks nobody.

Examples:
  pgfleet pgbouncer --url postgres://… --out pooler       then: psql -f pooler/pooler.sql; pgbouncer pooler/pgbouncer.ini
  pgfleet pgbouncer --host db --database app --max-connections 200 --cores 8 > pgbouncer.ini

Exit codes: 0 written, 1 the server did not answer, 2 wrong usage, or the sizes do not fit.`,
    )
    .action(action(shell, write))
}

async function write(context: Context, options: PoolerOptions) {
  const { terminal } = context
  const plan = await planOf(context, options)
  const ini = poolerIni(plan)
  if (options.out === undefined) {
    terminal.result({ ...figuresOf(plan), ini }, () => ini.trimEnd())
    terminal.note(
      `auth_file holds one line, "${plan.user}" "PASSWORD"; the login and its function are made by pooler.sql: --out DIR writes both.`,
    )
    return EXIT.ok
  }
  const directory = resolve(options.out)
  const password = randomBytes(24).toString('hex')
  await mkdir(directory, { recursive: true })
  const files = [
    ['userlist.txt', poolerUsers(plan, password), 0o600],
    ['pooler.sql', poolerSql(plan, scramVerifier(password)), 0o600],
    ['pgbouncer.ini', ini, 0o644],
  ] as const
  for (const [name, text, mode] of files) await writeNew(join(directory, name), text, mode)
  terminal.result({ ...figuresOf(plan), files: files.map(([name]) => join(directory, name)) }, () =>
    [
      `Written to ${directory}:`,
      terminal.table(
        ['file', 'what'],
        [
          [
            'pgbouncer.ini',
            `${plan.defaultPoolSize} + ${plan.reservePoolSize} connections a login, ${plan.databaseConnectionsMax} in all, ${plan.clientsMax} clients`,
          ],
          [
            'userlist.txt',
            `the password of ${plan.user}: the user that runs PgBouncer has to be able to read it, and nobody else`,
          ],
          ['pooler.sql', `makes ${plan.user}: run it once as a superuser, in the database ${plan.database}`],
        ],
      ),
    ].join('\n'),
  )
  return EXIT.ok
}

/** What was decided, without what was asked for. */
function figuresOf({ budget, databaseConnectionsMax, defaultPoolSize, reservePoolSize, clientsMax }: PoolerPlan) {
  return { budget, databaseConnectionsMax, defaultPoolSize, reservePoolSize, clientsMax }
}

async function planOf(context: Context, options: PoolerOptions): Promise<PoolerPlan> {
  const { tlsCert: certificateFile, tlsKey: keyFile } = options
  if ((certificateFile === undefined) !== (keyFile === undefined)) {
    throw new FleetError('INPUT_INVALID', { message: 'tls: give --tls-cert and --tls-key, or neither', field: 'tls' })
  }
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(options.user)) {
    throw new FleetError('INPUT_INVALID', { message: 'user: is letters, digits and _', field: 'user' })
  }
  const server = await serverOf(context, options)
  return planPooler({
    ...server,
    poolSize: options.poolSize ?? poolSize(serverCores(options.cores, server.host)),
    poolers: options.poolers,
    directConnections: options.direct,
    clientsMax: options.clients,
    listenHost: options.listen,
    listenPort: options.listenPort,
    user: options.user,
    userFile:
      options.userFile ??
      (options.out === undefined ? '/etc/pgbouncer/userlist.txt' : join(resolve(options.out), 'userlist.txt')),
    ...(certificateFile === undefined || keyFile === undefined ? {} : { tls: { certificateFile, keyFile } }),
  })
}

type Server = Pick<PoolerPlan, 'host' | 'port' | 'database' | 'maxConnections' | 'reservedConnections' | 'serverTls'>

/** The server as its url and its settings tell, or as the options do. */
async function serverOf({ where, withDatabase }: Context, options: PoolerOptions): Promise<Server> {
  const { host, database, maxConnections } = options
  if (host !== undefined && database !== undefined && maxConnections !== undefined) {
    const reservedConnections = options.reserved ?? 3
    return { host, database, maxConnections, reservedConnections, port: options.port ?? 5432, serverTls: null }
  }
  if (where.url === undefined) {
    throw new FleetError('INPUT_INVALID', {
      message: 'url: the embedded database has one connection, and needs no pooler',
      field: 'url',
      hint: 'Name a server with --url, or describe one with --host, --database and --max-connections.',
    })
  }
  const url = new URL(oneHost(where.url))
  const found: ServerConnections = await withDatabase(serverConnections)
  return {
    host: host ?? url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: options.port ?? Number(url.port || 5432),
    database: database ?? found.database,
    maxConnections: maxConnections ?? found.maxConnections,
    reservedConnections: options.reserved ?? found.reservedConnections,
    serverTls: found.tls,
  }
}

/** Never over a file that is there: its password is in use. */
async function writeNew(path: string, text: string, mode: number): Promise<void> {
  await writeFile(path, text, { flag: 'wx', mode }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code !== 'EEXIST') throw cause
    throw new FleetError('INPUT_INVALID', {
      message: `out: ${path} is there already, and its password may be in use`,
      field: 'out',
      cause,
      hint: 'Name another directory, or move the file away.',
    })
  })
}
