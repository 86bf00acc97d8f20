import { readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type Baseline, baselineOf, earlierDay, parseBaseline } from '../../doctor/baseline.js'
import { type Check, type Depth, LEVELS, type Level } from '../../doctor/check.js'
import { CHECKS } from '../../doctor/checks/index.js'
import { CONFIGURATION_FILE, type Configuration, parseConfiguration } from '../../doctor/configuration.js'
import { connect } from '../../doctor/connection.js'
import { examine } from '../../doctor/examine.js'
import { formatMarkdown } from '../../doctor/report/markdown.js'
import { atLeast, createReport, type Report } from '../../doctor/report/report.js'
import { toSarif } from '../../doctor/report/sarif.js'
import { formatText } from '../../doctor/report/text.js'
import { resolveThresholds, type ThresholdName } from '../../doctor/thresholds.js'
import { FleetError } from '../../errors.js'
import { action, type Context, type Shell } from '../context.js'
import { lendExamined } from '../examined.js'
import { EXIT } from '../failure.js'
import { wholeNumber } from '../numbers.js'
import { size } from '../sizes.js'
import { proveTenants, type TenancyOptions } from '../tenancy.js'
import { threshold } from '../thresholds.js'
import { describeWhere, type Where } from '../where.js'

interface DoctorOptions extends TenancyOptions {
  readonly proveTenancy?: boolean
  readonly sample?: number
  readonly deep?: boolean
  readonly budget: number
  readonly timeout: number
  readonly level: Level
  readonly show: Level
  readonly check?: readonly string[]
  readonly list?: boolean
  readonly all?: boolean
  readonly format: 'table' | 'json' | 'markdown' | 'sarif'
  readonly baseline?: string
  readonly writeBaseline?: string
  readonly config?: string
  readonly threshold: Readonly<Partial<Record<ThresholdName, number>>>
  readonly memory?: number
  readonly diskFree?: number
  readonly pooler?: string
}

/** Most findings of one check in the table, unless all are asked for. */
const PER_CHECK_MAX = 5

/** `pgfleet doctor`: examines any PostgreSQL database, and says what to do. Changes nothing. */
export function addDoctor(program: Command, shell: Shell): void {
  program
    .command('doctor')
    .argument('[url]', 'the database; else as for every command')
    .description('examine any PostgreSQL 15 to 18: what is wrong, why it matters, how to fix it; changes nothing')
    .option('--sample <time>', 'also watch the server for so long: 60s, 5m', milliseconds)
    .option('--deep', 'also read tables and indexes, within the budget')
    .option('--budget <time>', 'how long --deep may read', milliseconds, 300_000)
    .option('--timeout <time>', 'how long one check may take', milliseconds, 5000)
    .addOption(new Option('--level <level>', 'exit with 1 from this level on').choices(LEVELS).default('warning'))
    .addOption(new Option('--show <level>', 'show findings from this level on').choices(LEVELS).default('info'))
    .option('--check <ids...>', 'only these checks')
    .option('--list', 'list the checks')
    .option('--all', `show all findings of a check, not the first ${PER_CHECK_MAX}`)
    .addOption(
      new Option('--format <format>', 'how to print it')
        .choices(['table', 'json', 'markdown', 'sarif'])
        .default('table'),
    )
    .option('--baseline <file>', 'show only what this file does not know')
    .option('--write-baseline <file>', 'write what is found to this file')
    .option('--config <file>', `thresholds, levels, accepted findings (default: ${CONFIGURATION_FILE} if there)`)
    .option('--threshold <name=value>', 'one threshold, may be repeated', threshold, {})
    .option('--memory <size>', 'memory of the server’s machine, where the server cannot tell: 16GB', size)
    .option('--disk-free <size>', 'what the server’s disk has free, which no server can tell: 80GB', size)
    .option('--pooler <url>', 'the console of PgBouncer, to ask it too: postgres://stats@host:6432/pgbouncer')
    .option('--prove-tenancy', 'try whether tenants see their own rows alone, behind a pooler')
    .option('--pooled-url <url>', 'with --prove-tenancy: the application’s login, through the pooler')
    .option('--tenants <ids...>', 'with --prove-tenancy: two tenants that have rows')
    .option(
      '--enter <sql>',
      'with --prove-tenancy: what enters a tenant, $1 (default: set_config of the policies’ setting)',
    )
    .option('--transactions <count>', 'with --prove-tenancy: how many', wholeNumber(10, 10_000_000), 4000)
    .addHelpText(
      'after',
      `
Exit codes: 0 nothing at or above --level, 1 findings, 2 wrong usage or the database cannot be examined.

Examples:
  pgfleet doctor postgres://monitor@db.example/shop
  pgfleet doctor --deep --budget 10m --memory 64GB
  pgfleet doctor --write-baseline known.json; pgfleet doctor --baseline known.json --level info`,
    )
    .action(action(shell, doctor))
}

async function doctor(context: Context, options: DoctorOptions, url?: string) {
  const { terminal } = context
  const chosen = choose(options)
  if (options.list) {
    terminal.result(
      chosen.map(({ id, title, area, level, depth = 'catalog' }) => ({ id, title, area, level, depth })),
      () =>
        chosen.map((check) => `${check.id.padEnd(30)}${(check.depth ?? 'catalog').padEnd(9)}${check.title}`).join('\n'),
    )
    return EXIT.ok
  }
  const where: Where = url === undefined ? context.where : { url }
  if (options.proveTenancy) return await proveTenants(context, where, options)
  const configuration = await readConfiguration(options.config)
  const baseline = options.baseline === undefined ? undefined : await readBaseline(options.baseline)
  const { pooler } = options
  const examination = await lendExamined(context, where, options.timeout * 4 + 30_000, (open) =>
    examine(open, {
      checks: chosen,
      thresholds: resolveThresholds({ ...configuration.thresholds, ...options.threshold }),
      levels: configuration.levels ?? {},
      sampleMs: wants('sample', options) ? (options.sample ?? 10_000) : 0,
      budgetMs: wants('deep', options) ? options.budget : 0,
      timeoutMs: options.timeout,
      signal: context.signal,
      progress: ({ id, depth }) => {
        if (depth === 'deep') terminal.note(`reading for ${id}`)
      },
      ...(options.memory === undefined ? {} : { memoryBytes: options.memory }),
      ...(pooler === undefined ? {} : { openPooler: () => connect(pooler, options.timeout) }),
      ...(options.diskFree === undefined ? {} : { diskFreeBytes: options.diskFree }),
      ...(baseline === undefined ? {} : { baseline: earlierDay(baseline) }),
    }),
  )
  if (options.writeBaseline !== undefined) {
    const file = options.writeBaseline
    await writeFile(file, `${JSON.stringify(baselineOf(examination), null, 2)}\n`).catch((cause: Error) => {
      const message = `${file} cannot be written: ${cause.message}`
      throw new FleetError('OPTIONS_INVALID', { message, field: 'writeBaseline', cause })
    })
    terminal.note(`wrote ${file}`)
  }
  const report = createReport(describeWhere(where), examination, { ignore: configuration.ignore, baseline })
  terminal.result(report, () => format(context, report, options))
  return report.findings.some(({ level }) => atLeast(level, options.level)) ? EXIT.failed : EXIT.ok
}

/** A depth is wanted when it is asked for, or when a check of it is named. */
const wants = (depth: Depth, options: DoctorOptions) =>
  options[depth === 'sample' ? 'sample' : 'deep'] !== undefined || options.check !== undefined

function choose({ check: ids }: DoctorOptions): readonly Check[] {
  if (ids === undefined) return CHECKS
  return ids.map((id) => {
    const found = CHECKS.find((check) => check.id === id)
    if (found !== undefined) return found
    throw new FleetError('OPTIONS_INVALID', {
      message: `there is no check '${id}'`,
      field: 'check',
      hint: 'List them with pgfleet doctor --list.',
    })
  })
}

function format({ terminal }: Context, report: Report, options: DoctorOptions): string {
  const why = (id: string) => CHECKS.find((check) => check.id === id)?.why ?? ''
  const shown = { ...report, findings: report.findings.filter(({ level }) => atLeast(level, options.show)) }
  if (options.format === 'json') return JSON.stringify(shown, null, 2)
  if (options.format === 'sarif') return JSON.stringify(toSarif(shown, CHECKS, version()), null, 2)
  if (options.format === 'markdown') return formatMarkdown(shown, why)
  return formatText(shown, {
    palette: terminal.colors,
    width: Math.min(Math.max(process.stdout.columns ?? 80, 60), 100),
    perCheckMax: options.all ? Number.POSITIVE_INFINITY : PER_CHECK_MAX,
    why,
    level: options.show,
  })
}

/** The version of this package. */
function version(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

async function readConfiguration(file: string | undefined): Promise<Configuration> {
  const text = await readFile(file ?? CONFIGURATION_FILE, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (file === undefined && error.code === 'ENOENT') return undefined
    throw unreadable('config', file ?? CONFIGURATION_FILE, error)
  })
  return text === undefined ? {} : parseConfiguration(text, new Set(CHECKS.map(({ id }) => id)), file)
}

async function readBaseline(file: string): Promise<Baseline> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw unreadable('baseline', file, error)
  })
  return parseBaseline(text, file)
}

const unreadable = (field: string, file: string, cause: Error) =>
  new FleetError('OPTIONS_INVALID', { message: `${file} cannot be read: ${cause.message}`, field, cause })

/** Parses a time: `500ms`, `60s`, `5m`. */
function milliseconds(text: string): number {
  const [, amount, unit] = /^(\d{1,7})(ms|s|m|h)$/.exec(text) ?? []
  if (amount === undefined || Number(amount) === 0)
    throw new InvalidArgumentError('A time like 500ms, 60s or 5m is expected.')
  return Number(amount) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit as 'ms' | 's' | 'm' | 'h']
}
