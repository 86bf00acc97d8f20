import { readFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { FleetError } from '../../errors.js'
import type { Dimensions, Metric, MetricName, MetricRollup, NewMetric } from '../../stores/delivery/index.js'
import { METRICS_MAX } from '../../stores/delivery/metrics/metric-record.js'
import { ROLLUP_RESOLUTIONS, type RollupResolution } from '../../stores/delivery/metrics/metric-rollups.js'
import { LENGTHS } from '../../stores/delivery/metrics/metric-tiles.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { count, minute } from '../figures.js'
import { numberBetween, wholeNumber } from '../numbers.js'
import { sparkline } from '../sparkline.js'
import { readStdin } from '../stdin.js'
import { time } from '../times.js'
import { assertThere } from '../where.js'

interface RangeOptions {
  readonly tenant: string
  readonly dimension: Dimensions
  readonly from?: Date
  readonly to?: Date
}

interface QueryOptions extends RangeOptions {
  readonly newestFirst?: boolean
  readonly limit?: number
}

interface ShowOptions extends RangeOptions {
  readonly resolution: RollupResolution
  readonly fractions: readonly number[]
}

/** Buckets that are shown where no time is given. */
const SHOWN: Readonly<Record<RollupResolution, number>> = { minute: 120, hour: 48, day: 60 }

/** Most buckets of an answer, as the store has it. */
const BUCKETS_MAX = 1500

/** `pgfleet metrics`: looks at what was measured, and records it. */
export function addMetrics(program: Command, shell: Shell): void {
  const command = program
    .command('metrics')
    .description('look at what was measured, record it, roll it up')
    .addHelpText(
      'after',
      `
What is shown comes from rollups, which are as new as the last roll-up (pgfleet maintain does it every minute).

Examples:
  pgfleet metrics names --tenant acme
  pgfleet metrics show build.seconds --tenant acme --dimension service=api --resolution hour --from 2d
  pgfleet metrics query build.seconds --tenant acme --from 15m --json
  echo '{"name": "build.seconds", "numericValue": 41.7}' | pgfleet metrics record - --tenant acme`,
    )
  command
    .command('names')
    .description('print the names, with how many series each has')
    .requiredOption('--tenant <id>', 'whose')
    .option('--prefix <text>', 'names that begin with this', '')
    .option('--limit <count>', 'most names', wholeNumber(1), 1000)
    .action(action(shell, names))
  const ranged = (made: Command) =>
    made
      .requiredOption('--tenant <id>', 'whose')
      .option(
        '--dimension <name=value>',
        'only with this dimension; may be repeated (zone=1 is a number, zone="1" a text)',
        dimension,
        {},
      )
      .option('--from <time>', 'at this time or later: 2026-01-31T12:00:00Z, 15m, 2h, 7d', time)
      .option('--to <time>', 'before this time', time)
  ranged(command.command('show <name>').description('summary and course of a metric, from its rollups'))
    .addOption(new Option('--resolution <length>', 'of a bucket').choices(ROLLUP_RESOLUTIONS).default('hour'))
    .option('--fractions <list>', 'percentiles, as fractions', fractionList, [0.5, 0.95, 0.99])
    .addHelpText(
      'after',
      '\nWithout --from it shows the last 120 minutes, 48 hours or 60 days. Exit code 1: no number in that time.',
    )
    .action(action(shell, show))
  ranged(
    command.command('query [name]').description('print points, oldest first; with --json each is a line of its own'),
  )
    .option('--newest-first', 'print the newest first')
    .option('--limit <count>', 'most points', wholeNumber(1), 100)
    .action(action(shell, query))
  command
    .command('record <file>')
    .description('record points from a file, or from standard input: -')
    .requiredOption('--tenant <id>', 'whose')
    .addHelpText(
      'after',
      `
The file holds a JSON array of points, or one a line, as metrics.record takes them, measuredAt as ISO 8601. With an id each,
recording the file again changes nothing.`,
    )
    .action(action(shell, record))
  command
    .command('roll-up')
    .description('take what was recorded into the rollups')
    .requiredOption('--tenant <id>', 'whose')
    .action(action(shell, rollUp))
}

async function names(context: Context, { tenant, prefix, limit }: { tenant: string; prefix: string; limit: number }) {
  assertThere(context.where)
  const { terminal, signal } = context
  await context.withFleet(async (fleet) => {
    const { metrics } = fleet.tenant(tenant).delivery
    const found: MetricName[] = []
    for (let after = ''; found.length < limit; after = found.at(-1)?.name ?? '') {
      const wanted = Math.min(limit - found.length, 1000)
      const page = await metrics.names({ prefix, after, limit: wanted }, { signal })
      found.push(...page)
      if (page.length < wanted) break
    }
    terminal.result(found, () =>
      terminal.table(
        ['name', '>series', 'since'],
        found.map(({ name, series, createdAt }) => [name, count(series), minute(createdAt)]),
      ),
    )
  })
  return EXIT.ok
}

async function show(context: Context, options: ShowOptions, name = '') {
  const { tenant, dimension: dimensions, resolution, fractions } = options
  const to = options.to ?? new Date()
  const from = options.from ?? new Date(to.getTime() - SHOWN[resolution] * LENGTHS[resolution])
  const { terminal, signal } = context
  assertThere(context.where)
  return await context.withFleet(async (fleet) => {
    const { metrics } = fleet.tenant(tenant).delivery
    const wanted = { name, dimensions, from, to, fractions }
    const rollups = await metrics.rollups({ ...wanted, resolution }, { signal })
    const summary = await metrics.summary(wanted, { signal })
    if (rollups.length === BUCKETS_MAX)
      terminal.note(`Only the first ${count(BUCKETS_MAX)} buckets are shown; take a longer --resolution.`)
    terminal.result({ name, dimensions, resolution, from, to, fractions, summary: summary ?? null, rollups }, () => {
      const head = `${name}: ${minute(from)} to ${minute(to)}, by ${resolution}`
      if (summary === undefined || rollups.length === 0) return `${head}\nNo number is in the rollups of that time.`
      const figures = [
        `${count(summary.points)} points`,
        ...(['mean', 'min', 'max', 'last'] as const).map((figure) => `${figure} ${short(summary[figure])}`),
        ...fractions.map((fraction, place) => `${percentName(fraction)} ${short(summary.percentiles[place] ?? 0)}`),
      ]
      return [
        head,
        sparkline(courseOf(rollups, { from, to }, LENGTHS[resolution], terminal.width)),
        figures.join('  '),
        terminal.table(
          ['from', '>points', '>mean', '>min', '>max', ...fractions.map((fraction) => `>${percentName(fraction)}`)],
          rollups.map((rollup) => [
            minute(rollup.bucket),
            count(rollup.points),
            short(rollup.mean),
            short(rollup.min),
            short(rollup.max),
            ...rollup.percentiles.map(short),
          ]),
        ),
      ].join('\n')
    })
    return summary === undefined ? EXIT.failed : EXIT.ok
  })
}

/** The mean of each column of a line that is so wide at most; null where nothing was measured. */
function courseOf(
  rollups: readonly MetricRollup[],
  { from, to }: { readonly from: Date; readonly to: Date },
  length: number,
  width: number,
): (number | null)[] {
  const first = Math.floor(from.getTime() / length)
  const buckets = Math.max(1, Math.ceil(to.getTime() / length) - first)
  const columns = Array.from({ length: Math.min(buckets, width) }, () => ({ sum: 0, points: 0 }))
  for (const { bucket, sum, points } of rollups) {
    const place = Math.floor(((bucket.getTime() / length - first) / buckets) * columns.length)
    const column = columns[place]
    if (column === undefined) continue
    column.sum += sum
    column.points += points
  }
  return columns.map(({ sum, points }) => (points === 0 ? null : sum / points))
}

async function query(context: Context, options: QueryOptions, name?: string) {
  const { tenant, dimension: dimensions, from, to, newestFirst, limit = 100 } = options
  assertThere(context.where)
  await context.withFleet(async (fleet) => {
    const { metrics } = fleet.tenant(tenant).delivery
    let left = limit
    let after: string | undefined
    do {
      const page = await metrics.query(
        {
          dimensions,
          order: newestFirst ? 'desc' : 'asc',
          limit: Math.min(left, 1000),
          ...(name === undefined ? {} : { name }),
          ...(from === undefined ? {} : { from }),
          ...(to === undefined ? {} : { to }),
          ...(after === undefined ? {} : { after }),
        },
        { signal: context.signal },
      )
      for (const metric of page.metrics) print(context, metric)
      left -= page.metrics.length
      after = page.next
    } while (after !== undefined && left > 0)
  })
  return EXIT.ok
}

function print({ terminal }: Context, metric: Metric): void {
  const { dim, bold } = terminal.colors
  terminal.result(metric, () =>
    [
      dim(metric.measuredAt.toISOString()),
      bold(metric.name),
      String(
        metric.numericValue ?? metric.stringValue ?? metric.booleanValue ?? JSON.stringify(metric.jsonValue),
      ).slice(0, 200),
      ...Object.entries(metric.dimensions).map(([name, value]) => `${name}=${value}`),
    ].join('  '),
  )
}

async function record(context: Context, { tenant }: { tenant: string }, file = '') {
  const { terminal, signal } = context
  // Read first: a wrong file needs no database.
  const text = (file === '-' ? await readStdin(signal) : await readFile(file)).toString('utf8')
  const points = parsePoints(text, file === '-' ? 'standard input' : file)
  assertThere(context.where)
  await context.withFleet(async (fleet) => {
    const { metrics } = fleet.tenant(tenant).delivery
    for (let first = 0; first < points.length; first += METRICS_MAX)
      await metrics.record(points.slice(first, first + METRICS_MAX), { signal })
    terminal.result({ file, tenant, points: points.length }, () => `${count(points.length)} points recorded`)
  })
  return EXIT.ok
}

/** Points of a JSON array, of one object, or of one a line. Errors: INPUT_INVALID, which names the line. */
function parsePoints(text: string, where: string): NewMetric[] {
  const trimmed = text.trim()
  const isWhole = trimmed.startsWith('[')
  const parts = isWhole ? [trimmed] : trimmed.split('\n')
  return parts.flatMap((part, index) => {
    if (part.trim() === '') return []
    try {
      const found: unknown = JSON.parse(part)
      return (Array.isArray(found) ? found : [found]).map(toPoint)
    } catch (cause) {
      const line = isWhole ? '' : `:${index + 1}`
      throw new FleetError('INPUT_INVALID', { message: `${where}${line} is not JSON: ${cause}`, field: 'file', cause })
    }
  })
}

/** JSON has no times. What else is wrong is told by the store. */
function toPoint(given: unknown): NewMetric {
  const point = given as NewMetric & { readonly measuredAt?: unknown }
  return typeof point?.measuredAt === 'string' ? { ...point, measuredAt: new Date(point.measuredAt) } : point
}

async function rollUp(context: Context, { tenant }: { tenant: string }) {
  assertThere(context.where)
  await context.withFleet(async (fleet) => {
    const { metrics } = fleet.tenant(tenant).delivery
    let points = 0
    let rollups = 0
    for (;;) {
      const step = await metrics.rollUp({ signal: context.signal })
      points += step.points
      rollups += step.rollups
      if (!step.more) break
    }
    context.terminal.result({ points, rollups }, () => `${count(points)} points taken into ${count(rollups)} rollups`)
  })
  return EXIT.ok
}

/** A number in six digits. */
const short = (value: number) => String(Number(value.toPrecision(6)))

/** Of 0.95 p95, of 0.999 p99.9. */
const percentName = (fraction: number) => `p${Number((fraction * 100).toPrecision(6))}`

/** Parses `name=value`, and adds it to those before: numbers, true and false are what they look like, unless quoted. */
function dimension(text: string, before: Dimensions): Dimensions {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined || value === undefined)
    throw new InvalidArgumentError('A dimension and its value are expected, as in service=api.')
  return { ...before, [name]: dimensionValue(value) }
}

function dimensionValue(text: string): string | number | boolean {
  if (/^(true|false)$/.test(text)) return text === 'true'
  if (/^-?(0|[1-9]\d*)(\.\d+)?$/.test(text)) return Number(text)
  return /^"(.*)"$/s.exec(text)?.[1] ?? text
}

/** Parses `0.5,0.95`. */
const fractionList = (text: string) => text.split(',').map(numberBetween(0, 1))
