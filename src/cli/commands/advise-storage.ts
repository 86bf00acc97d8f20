import { readFile, writeFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError } from 'commander'
import type { Database } from '../../database/database.js'
import { FleetError } from '../../errors.js'
import { footprintsOf } from '../../storage/footprints/index.js'
import { type MeasuredTable, measureTables } from '../../storage/measured-tables.js'
import { drawStorage } from '../../storage/storage-chart.js'
import { planStorage, type StoragePlan } from '../../storage/storage-plan.js'
import { readShapes } from '../../storage/table-shape.js'
import { resolveWorkload, type Workload, type WorkloadInput } from '../../storage/workload.js'
import { bar } from '../bar.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { bytes, count } from '../figures.js'
import { numberBetween, wholeNumber } from '../numbers.js'
import { describeWhere } from '../where.js'

interface StorageOptions {
  readonly days?: number
  readonly agents?: number
  readonly experiences?: number
  readonly trajectories?: number
  readonly events?: number
  readonly metrics?: number
  readonly auditEntries?: number
  readonly artifacts?: number
  readonly artifactBytes?: number
  readonly entities?: number
  readonly keysPerEntity?: number
  readonly metadataWrites?: number
  readonly vectors?: Readonly<Record<string, number>>
  readonly keep?: Readonly<Record<string, number>>
  readonly workload?: string
  readonly svg?: string
}

/** `pgfleet advise storage`: what a fleet's rates come to in bytes. */
export function addAdviseStorage(advise: Command, shell: Shell): void {
  advise
    .command('storage')
    .description('how many bytes a fleet’s database will take: tables, indexes, WAL a day, a backup')
    .option('--days <n>', 'after how many days', numberBetween(1, 36_500))
    .option('--agents <n>', 'agents that learn', wholeNumber(0))
    .option('--experiences <rate>', 'experiences: 20000 a day, or 3/s, 200/min, 5000/h', rate)
    .option('--trajectories <rate>', 'trajectories', rate)
    .option('--events <rate>', 'events', rate)
    .option('--metrics <rate>', 'points of metrics', rate)
    .option('--audit-entries <rate>', 'entries of the audit log', rate)
    .option('--artifacts <rate>', 'artifacts', rate)
    .option('--artifact-bytes <n>', 'bytes of one', wholeNumber(0))
    .option('--entities <n>', 'entities of the metadata store', wholeNumber(0))
    .option('--keys-per-entity <n>', 'keys of each', wholeNumber(0))
    .option('--metadata-writes <rate>', 'values of the metadata store that are written anew', rate)
    .option('--vectors <dimensions=n...>', 'vectors that are kept: 768=100000', pair)
    .option('--keep <table=days...>', 'days that rows of a table are kept: memory.events=90', pair)
    .option('--workload <file>', 'JSON with these and more; options come before it')
    .option('--svg <file>', 'draw it')
    .addHelpText(
      'after',
      `
What is not given has the default that docs/storage.md names. Without a database the shapes of tables come from an empty one in
memory, and widths of values are typical ones. With --url they are a running installation's: bytes a row of each table of a
thousand rows or more, and the rates of what comes day by day; an option still decides what is kept.

Examples:
  pgfleet advise storage --agents 50 --experiences 40/s --events 2000000 --vectors 768=1000000 --days 365
  pgfleet advise storage --url postgres://… --days 730 --svg storage.svg

Exit codes: 0 done, 1 the server refused, 2 wrong usage.`,
    )
    .action(action(shell, adviseStorage))
}

async function adviseStorage(context: Context, options: StorageOptions) {
  const { where, terminal } = context
  const workload = await workloadOf(options)
  const tables = footprintsOf(workload).map(({ table }) => table)
  assertRetention(workload, tables)
  const isNamed = where.url !== undefined
  const read = async (database: Database) =>
    await database.lend(async (connection) => {
      const shapes = await readShapes(connection, tables)
      return { shapes, measured: isNamed ? await measureTables(connection, tables) : undefined }
    })
  if (!isNamed) terminal.note('reading the shapes of tables from an empty database in memory')
  const { shapes, measured } = isNamed
    ? await context.withDatabase(read)
    : await context.withFleet(
        async ({ database, vectorDimensions }) => {
          for (const dimensions of Object.keys(workload.vectors)) await vectorDimensions.add(Number(dimensions))
          return await read(database)
        },
        { dataDir: 'memory://' },
      )
  const plan = planStorage(workload, shapes, withoutGiven(measured, options))
  if (options.svg !== undefined) {
    await writeFile(
      options.svg,
      drawStorage(`After ${plan.workload.horizonDays} days: ${bytes(plan.bytes)}`, plan, bytes),
    )
    terminal.note(`${options.svg} written`)
  }
  terminal.result(plan, () => format(context, plan, isNamed ? describeWhere(where) : undefined))
  return EXIT.ok
}

/** The workload of the file, with what the options say in its place. Errors: INPUT_INVALID, OPTIONS_INVALID. */
async function workloadOf(options: StorageOptions): Promise<Workload> {
  const { days, vectors, keep, workload: file, svg: _, ...given } = options
  const input = file === undefined ? {} : await readWorkload(file)
  const names = ['agents', 'experiences', 'trajectories', 'events', 'metrics', 'auditEntries', 'artifacts'] as const
  const more = ['artifactBytes', 'entities', 'keysPerEntity', 'metadataWrites'] as const
  const counts = Object.fromEntries(
    [...names, ...more].flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]]])),
  )
  return resolveWorkload({
    ...input,
    ...counts,
    ...(days === undefined ? {} : { horizonDays: days }),
    ...(vectors === undefined ? {} : { vectors }),
    retentionDays: { ...input.retentionDays, ...keep },
  })
}

async function readWorkload(file: string): Promise<WorkloadInput> {
  const unreadable = (cause: Error) =>
    new FleetError('OPTIONS_INVALID', { message: `${file} cannot be read: ${cause.message}`, field: 'workload', cause })
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw unreadable(cause)
  })
  try {
    // Checked as a whole by resolveWorkload.
    return JSON.parse(text) as WorkloadInput
  } catch (cause) {
    throw unreadable(cause as Error)
  }
}

function assertRetention({ retentionDays }: Workload, tables: readonly string[]): void {
  const unknown = Object.keys(retentionDays).find((table) => !tables.includes(table))
  if (unknown === undefined) return
  throw new FleetError('INPUT_INVALID', {
    message: `workload.retentionDays.${unknown}: no such table grows with this workload`,
    field: `workload.retentionDays.${unknown}`,
    hint: `Those are ${tables.join(', ')}.`,
  })
}

/** What was measured, without the rates that an option gives. */
function withoutGiven(
  measured: ReadonlyMap<string, MeasuredTable> | undefined,
  options: StorageOptions,
): ReadonlyMap<string, MeasuredTable> | undefined {
  const given: Readonly<Record<string, unknown>> = {
    'learning.experiences': options.experiences,
    'learning.trajectories': options.trajectories,
    'learning.rewards': options.trajectories,
    'memory.events': options.events,
    'delivery.metrics': options.metrics,
    'delivery.audit_log': options.auditEntries,
  }
  const rateOf = (table: MeasuredTable) => (given[table.table] === undefined ? table.rowsPerDay : undefined)
  return measured && new Map([...measured].map(([name, table]) => [name, { ...table, rowsPerDay: rateOf(table) }]))
}

/** Columns of a terminal that hold the whole table. */
const WIDE = 114

function format({ terminal }: Context, plan: StoragePlan, measuredAt: string | undefined): string {
  const tables = [...plan.tables].sort((a, b) => b.bytes - a.bytes)
  const most = Math.max(...tables.map((table) => table.bytes), 1)
  // A narrow terminal has room for the sums.
  const isWide = terminal.width >= WIDE
  const rows = tables.map((table) => [
    `${table.table}${table.from === 'measured' ? ' *' : ''}`,
    count(table.rows),
    ...(isWide ? [table.keptDays === null ? '-' : count(table.keptDays)] : []),
    count(table.bytesPerRow),
    ...(isWide ? [table.heapBytes, table.indexBytes, table.toastBytes].map(bytes) : []),
    bytes(table.bytes),
    bar(table.bytes, most, 12),
  ])
  const head = isWide
    ? ['table', '>rows', '>days', '>B a row', '>heap', '>indexes', '>large', '>all', '']
    : ['table', '>rows', '>B a row', '>all', '']
  const { heapBytes, indexBytes, toastBytes } = plan
  return [
    terminal.table(head, rows),
    `After ${count(plan.workload.horizonDays)} days: ${bytes(plan.bytes)}; heap ${bytes(heapBytes)}, indexes ${bytes(indexBytes)}, large values ${bytes(toastBytes)}.`,
    plan.stores.map(({ store, bytes: size }) => `${store} ${bytes(size)}`).join(', '),
    `WAL ${bytes(plan.walBytesPerDay)} a day, a compressed backup ${bytes(plan.backupBytes)}: rough, see docs/storage.md.`,
    measuredAt === undefined
      ? 'By the catalogue and typical widths; --url takes those of a running installation.'
      : `* as measured at ${measuredAt}; others by the catalogue and typical widths.`,
  ].join('\n')
}

/** Parses a rate: `20000` (a day), `3/s`, `200/min`, `5000/h`, `7/d`; a day's number. */
function rate(text: string): number {
  const [, amount, unit = 'd'] = /^(\d{1,12}(?:\.\d+)?)(?:\/(s|min|h|d))?$/.exec(text) ?? []
  if (amount === undefined)
    throw new InvalidArgumentError('A rate like 20000 (a day), 3/s, 200/min or 5000/h is expected.')
  return Number(amount) * { s: 86_400, min: 1440, h: 24, d: 1 }[unit as 's' | 'min' | 'h' | 'd']
}

/** Parses `name=number` and adds it to those before. */
function pair(text: string, before: Readonly<Record<string, number>> = {}): Readonly<Record<string, number>> {
  const [, name, value] = /^([\w.]+)=(\d{1,12})$/.exec(text) ?? []
  if (name === undefined) throw new InvalidArgumentError('A name and a number are expected, as in 768=100000.')
  return { ...before, [name]: Number(value) }
}
