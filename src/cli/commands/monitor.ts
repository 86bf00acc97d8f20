import { readFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { FleetError } from '../../errors.js'
import { parseAuthorization } from '../../monitoring/authorization.js'
import { Collector } from '../../monitoring/collector.js'
import { connectMonitor, lendMonitor, type MonitorConnection } from '../../monitoring/connection.js'
import { startEndpoint } from '../../monitoring/endpoint.js'
import { checkLabels, formatMetrics } from '../../monitoring/exposition.js'
import { Monitor } from '../../monitoring/monitor.js'
import { createBackupReader } from '../../monitoring/readers/backups.js'
import { createPoolerReader } from '../../monitoring/readers/pooler.js'
import type { Reader } from '../../monitoring/readers/reader.js'
import { createRecallReader } from '../../monitoring/readers/recall.js'
import type { SnapshotObserver } from '../../monitoring/snapshot.js'
import { SOURCES } from '../../monitoring/sources/index.js'
import { familiesOf } from '../../monitoring/sources/source.js'
import { type AlertOptions, addAlertOptions, openAlerts } from '../alert-options.js'
import { action, type Context, type Shell } from '../context.js'
import { duration } from '../durations.js'
import { EXIT } from '../failure.js'
import { addHistoryOptions, type HistoryOptions, openHistory } from '../history-options.js'
import { wholeNumber } from '../numbers.js'
import { assertThere, describeWhere, oneHost } from '../where.js'
import { addMonitorAlerts } from './monitor-alerts.js'
import { addMonitorHistory } from './monitor-history.js'
import { addMonitorRules } from './monitor-rules.js'

/** Options of the monitor; those of observers are beside them. */
export interface MonitorOptions extends AlertOptions, HistoryOptions {
  readonly listen: { readonly host: string; readonly port: number }
  readonly interval: number
  readonly slowInterval: number
  readonly timeout: number
  readonly top: number
  readonly once?: boolean
  readonly list?: boolean
  readonly without?: readonly string[]
  readonly label: Readonly<Record<string, string>>
  readonly queryTexts?: boolean
  readonly poolerUrl?: string
  readonly backups?: string
  readonly recall?: number
  readonly authFile?: string
}

/** `pgfleet monitor`: watches a server from now on, for Prometheus and for whoever observes its snapshots. */
export function addMonitor(program: Command, shell: Shell): void {
  const command = program
    .command('monitor')
    .description('watch any PostgreSQL 15 to 18 from now on: metrics for Prometheus; changes nothing')
    .option('--listen <host:port>', 'where /metrics and /healthz are served', address, {
      host: '127.0.0.1',
      port: 9187,
    })
    .option('--interval <time>', 'from one look to the next', duration, 15_000)
    .option(
      '--slow-interval <time>',
      'from one look to the next at sizes of databases, shared buffers and backups',
      duration,
      300_000,
    )
    .option('--timeout <time>', 'how long one source may take', duration, 2000)
    .option(
      '--top <count>',
      'tables, statements, databases told one by one; the rest as `other`',
      wholeNumber(1, 1000),
      50,
    )
    .option('--once', 'look once, print what is seen, and end')
    .option('--list', 'list the sources with their metrics')
    .option('--without <sources...>', 'leave these sources out')
    .option('--label <name=value>', 'a label for every series, may be repeated', label, {})
    .option('--query-texts', 'tell the texts of statements too, without their literals')
    .option('--pooler-url <url>', 'the console of PgBouncer, to watch it too: postgres://stats@host:6432/pgbouncer')
    .option('--backups <dir>', 'the folder that `pgfleet backup` writes to, to tell the age of the newest')
    .option('--recall <time>', 'measure the recall of indexes of vectors this often; reads whole tables', duration)
    .option('--auth-file <file>', 'who may read: a line `bearer TOKEN` or `basic USER:PASSWORD`')
    .addHelpText(
      'after',
      `
The login needs pg_monitor, nothing more, in any database. Exit codes: 0 looked, 2 wrong usage or (with --once) no
connection, 130 interrupted. Without --once a server that is away is waited for, and told as pg_up 0.

Examples:
  pgfleet monitor --url postgres://watch@db.example/shop
  pgfleet monitor --once --url postgres://watch@db.example/shop | grep pgfleet_
  pgfleet monitor --listen 0.0.0.0:9187 --auth-file /etc/pgfleet/metrics.auth
  pgfleet monitor --pooler-url postgres://stats@db.example:6432/pgbouncer --backups /backups`,
    )
    .action(action(shell, monitor))
  addHistoryOptions(command)
  addMonitorHistory(command, shell)
  addAlertOptions(command)
  addMonitorRules(command, shell)
  addMonitorAlerts(command, shell)
}

async function monitor(context: Context, options: MonitorOptions) {
  if (options.list) return list(context)
  const labels = checkLabels(options.label)
  if (options.once) return await lend(context, (collector) => once(context, collector, labels), options)
  if (context.where.url === undefined)
    throw new FleetError('OPTIONS_INVALID', {
      message: 'an embedded database belongs to one process, which a monitor beside it cannot be',
      field: 'url',
      hint: 'Give the url of a server, or look once with --once while nothing else uses the directory.',
    })
  return await lend(context, (collector) => watch(context, collector, options), options)
}

async function watch(context: Context, collector: Collector, options: MonitorOptions) {
  const { terminal, signal, where } = context
  const authorization =
    options.authFile === undefined ? undefined : parseAuthorization(await readSecret(options.authFile))
  // Alerts and history are told of each snapshot; each makes its observers from the options.
  const observers = await observersOf(context, options)
  const watching = new Monitor({
    collector,
    intervalMs: options.interval,
    slowIntervalMs: options.slowInterval,
    observers,
    onNote: (line) => terminal.note(line),
  })
  const endpoint = await startEndpoint({
    ...options.listen,
    scrape: (limit) => watching.scrape(limit),
    problem: () => watching.problem(),
    labels: options.label,
    authorization,
  }).catch(async (error: unknown) => {
    for (const observer of observers) await observer.close()
    throw error
  })
  terminal.note(`Watching ${describeWhere(where)}; metrics at ${endpoint.url}/metrics. Ctrl-C ends.`)
  try {
    await watching.run(signal)
  } finally {
    await endpoint.close()
  }
  return EXIT.interrupted
}

async function observersOf(context: Context, options: MonitorOptions): Promise<SnapshotObserver[]> {
  const history = await openHistory(context, options)
  // Alerts that nobody is told of are evaluated where it was said that something is to be kept.
  const isWanted = options.history !== undefined || options.webhook !== undefined || options.alertTenant !== undefined
  try {
    const alerts = await openAlerts(context, options, isWanted ? history?.alerts : undefined)
    // Those that keep alerts in the history end before it.
    return [alerts, history?.observer].filter((observer) => observer !== undefined)
  } catch (error) {
    await history?.observer.close()
    throw error
  }
}

async function once({ terminal, signal }: Context, collector: Collector, labels: Readonly<Record<string, string>>) {
  const snapshot = await collector.collectAll(signal)
  const lost = snapshot.failures.find(({ source }) => source === 'connection')
  if (lost !== undefined) throw new FleetError('DATABASE_UNEXAMINED', { message: lost.reason })
  if (terminal.json) terminal.result(snapshot, () => '')
  else terminal.text(formatMetrics(snapshot.samples, 'prometheus', labels).trimEnd())
  for (const { source, reason } of snapshot.failures) terminal.note(`${source} could not look: ${reason}`)
  return EXIT.ok
}

function list({ terminal }: Context) {
  const sources = SOURCES.map((source) => ({
    id: source.id,
    title: source.title,
    pace: source.pace ?? 'fast',
    versions: source.versions ?? {},
    needs: source.needs ?? {},
    metrics: familiesOf(source).map(({ name }) => name),
  }))
  terminal.result(sources, () =>
    terminal.table(
      ['source', 'pace', 'reads', '>metrics'],
      sources.map(({ id, pace, title, metrics }) => [id, pace, title, String(metrics.length)]),
    ),
  )
  return EXIT.ok
}

/** Lends a collector of the database that the command works on. */
async function lend<T>(
  context: Context,
  work: (collector: Collector) => Promise<T>,
  options: MonitorOptions,
): Promise<T> {
  const { where, signal } = context
  const { top, timeout, without = [], queryTexts = false, once: isSingle = false } = options
  const more = { top, timeoutMs: timeout, without, queryTexts, isSingle }
  if (where.url !== undefined) {
    const url = oneHost(where.url)
    const open = () => connectMonitor(url, Math.max(30_000, timeout * 2))
    return await closing(new Collector({ open, readers: readersOf(url, options), ...more }), work)
  }
  assertThere(where)
  return await context.withDatabase((database) =>
    database.lend(async (connection) => {
      signal.throwIfAborted()
      const open = async (): Promise<MonitorConnection> =>
        lendMonitor(async (text, values) => await connection.query(text, values))
      return await closing(new Collector({ open, ...more }), work)
    }),
  )
}

async function closing<T>(collector: Collector, work: (collector: Collector) => Promise<T>): Promise<T> {
  try {
    return await work(collector)
  } finally {
    await collector.close()
  }
}

function readersOf(url: string, { poolerUrl, backups, recall, top, slowInterval }: MonitorOptions): Reader[] {
  return [
    ...(poolerUrl === undefined ? [] : [createPoolerReader(poolerUrl, top)]),
    ...(backups === undefined ? [] : [createBackupReader(backups, slowInterval)]),
    ...(recall === undefined ? [] : [createRecallReader(url, recall)]),
  ]
}

async function readSecret(file: string): Promise<string> {
  return await readFile(file, 'utf8').catch((cause: Error) => {
    throw new FleetError('OPTIONS_INVALID', {
      message: `${file} cannot be read: ${cause.message}`,
      field: 'authFile',
      cause,
    })
  })
}

/** Parses `host:port`, `:port`, `[::1]:port`. */
function address(text: string): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text) ?? []
  if (port === undefined || Number(port) > 65_535)
    throw new InvalidArgumentError('An address like 127.0.0.1:9187 is expected.')
  return { host: bracketed || plain || '127.0.0.1', port: Number(port) }
}

/** Parses `name=value` and adds it to those before. */
function label(text: string, before: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const equals = text.indexOf('=')
  if (equals < 1) throw new InvalidArgumentError('A label is name=value.')
  return { ...before, [text.slice(0, equals)]: text.slice(equals + 1) }
}
