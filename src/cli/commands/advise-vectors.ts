import { readFile, writeFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { drawRecall } from '../../bench/recall-chart.js'
import { primaryUrl } from '../../database/primary/primary-url.js'
import { FleetError } from '../../errors.js'
import { adviseVectors } from '../../vector-sweep/advice.js'
import { BUILDS, type BuildSettings } from '../../vector-sweep/candidate.js'
import { METRICS, type Metric } from '../../vector-sweep/metric.js'
import { formatMarkdown, reportSweep } from '../../vector-sweep/report.js'
import { type SweepOptions, sweepVectors, type VectorSweep } from '../../vector-sweep/sweep.js'
import type { ElementType } from '../../vector-sweep/vector-column.js'
import { confirm } from '../confirm.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { bytes, count } from '../figures.js'
import { numberBetween, wholeNumber, wholeNumbers } from '../numbers.js'
import { createProgress } from '../progress.js'
import { describeWhere } from '../where.js'

interface VectorsOptions {
  readonly table?: string
  readonly dimensions?: number
  readonly column?: string
  readonly tenantColumn?: string
  readonly filter?: readonly string[]
  readonly queries?: string
  readonly queriesFrom?: string
  readonly searches: number
  readonly metric?: Metric
  readonly type?: ElementType
  readonly k: number
  readonly recall: number
  readonly builds?: readonly BuildSettings[]
  readonly efSearch: readonly number[]
  readonly sampleRows?: number
  readonly memory: number
  readonly budget: number
  readonly inPlace?: boolean
  readonly yes?: boolean
  readonly markdown?: boolean
  readonly svg?: string
}

const EF_SEARCH = [10, 20, 40, 80, 160, 320]

/** `pgfleet advise vectors`: recall, latency and size of indexes on a copy of a sample of a table. */
export function addAdviseVectors(advise: Command, shell: Shell): void {
  advise
    .command('vectors')
    .description('which HNSW index and ef_search a table of vectors should have, measured on a copy of a sample')
    .option('--table <name>', 'the table, with its schema: public.documents')
    .option('--dimensions <n>', "in its place: pgfleet's own vectors of so many dimensions", wholeNumber(1, 4000))
    .option('--column <name>', 'the column of vectors, if there are several')
    .option('--tenant-column <name>', 'search tenants with many, some and few rows too, by this column')
    .option('--filter <condition>', "search under this condition too: kind = 'note' (repeatable)", collect)
    .option('--queries <file>', 'vectors to search for: JSON, an array of arrays or one a line')
    .option('--queries-from <table>', 'vectors to search for: those of a table')
    .option('--searches <n>', 'how many are searched for', wholeNumber(10, 10_000), 100)
    .addOption(new Option('--metric <name>', 'the distance, if not that of the index').choices(Object.keys(METRICS)))
    .addOption(new Option('--type <name>', 'one type of index alone').choices(['vector', 'halfvec']))
    .option('--k <n>', 'rows that a search returns', wholeNumber(1, 1000), 10)
    .option('--recall <share>', 'the recall that is wanted', numberBetween(0.01, 1), 0.95)
    .option('--builds <list>', 'm/ef_construction to try (default: 16/64,16/128,8/64,24/200)', builds)
    .addOption(
      new Option('--ef-search <list>', 'ef_search to try').argParser(efforts).default(EF_SEARCH, EF_SEARCH.join(',')),
    )
    .option(
      '--sample-rows <n>',
      'most rows to copy (default: 20000, or 128 MB of vectors)',
      wholeNumber(500, 10_000_000),
    )
    .option(
      '--memory <mb>',
      'most memory of a build on the server, in MB, and as much for the copy',
      wholeNumber(64, 1_000_000),
      1024,
    )
    .option('--budget <s>', 'most time for all of it', numberBetween(1, 86_400), 600)
    .option('--in-place', 'measure the index that is there on the table itself, too: reads all of it for each search')
    .option('--yes', 'do not ask before loading the server')
    .option('--markdown', 'print it as Markdown')
    .option('--svg <file>', 'draw the points and the front')
    .addHelpText(
      'after',
      `
Copies a random sample into a temporary table of one connection, and builds and searches one index after the other there, against the
exact order of the same rows. Nothing is left, whatever happens; the table is read once. A recall of a sample is not that of the table:
more rows take more candidates, which a quarter of the sample shows how much; docs/vector-sweep.md tells what it is worth.

Examples:
  pgfleet advise vectors --url postgres://… --table public.documents --svg front.svg
  pgfleet advise vectors --url postgres://… --table docs --tenant-column org --filter "kind = 'note'" --recall 0.98
  pgfleet advise vectors --url postgres://… --dimensions 768 --yes --json

Exit codes: 0 done, 1 the server refused, no setting reaches the recall, or the answer was no, 2 wrong usage, 130 interrupted.`,
    )
    .action(action(shell, adviseVectorsOf))
}

async function adviseVectorsOf(context: Context, options: VectorsOptions) {
  const { where, terminal, signal } = context
  const { svg, markdown = false } = options
  const target = targetOf(options)
  if (where.url === undefined) {
    throw new FleetError('INPUT_INVALID', {
      message: 'url: a sweep needs a server: the embedded database has one connection, and it is in use by its program',
      field: 'url',
      hint: 'Name a server with --url.',
    })
  }
  const url = await primaryUrl(where.url)
  const queries = await queriesOf(options)
  const progress = createProgress(terminal, 'indexes')
  let sweep: VectorSweep
  try {
    sweep = await sweepVectors({
      ...target,
      url,
      k: options.k,
      recall: options.recall,
      builds: options.builds ?? BUILDS,
      efSearch: options.efSearch,
      filters: options.filter ?? [],
      ...(queries === undefined ? {} : { queries }),
      ...(options.type === undefined ? {} : { type: options.type }),
      ...(options.sampleRows === undefined ? {} : { sampleRows: options.sampleRows }),
      queriesMax: options.searches,
      budgetMs: options.budget * 1000,
      memoryBytes: options.memory * 1024 * 1024,
      inPlace: options.inPlace ?? false,
      signal,
      agree: (plan) =>
        confirm(
          `This copies about ${count(plan.rows)} rows of ${plan.table} (${bytes(plan.bytes)} of vectors) into a temporary table on ${describeWhere(where)}, builds and searches up to ${plan.builds} indexes on it${plan.inPlace ? `, and reads the whole table up to ${options.searches} times` : ''}: one connection, for ${options.budget} s at most.`,
          options.yes ?? false,
          signal,
        ),
      progress: (done, total, message) => progress.update(done, total, message),
    })
  } finally {
    progress.stop()
  }
  if (svg !== undefined) {
    await writeFile(svg, drawSweep(sweep))
    terminal.note(`${svg} written`)
  }
  if (markdown) terminal.text(formatMarkdown(sweep))
  else terminal.result({ ...sweep, advice: adviseVectors(sweep) }, () => format(context, sweep))
  return sweep.choice === null ? EXIT.failed : EXIT.ok
}

/** The table and what names its columns. Errors: INPUT_INVALID unless one of --table and --dimensions is given. */
function targetOf(
  options: VectorsOptions,
): Pick<SweepOptions, 'table' | 'column' | 'tenantColumn' | 'metric' | 'type'> {
  const { table, dimensions, column, tenantColumn, metric } = options
  if ((table === undefined) === (dimensions === undefined)) {
    throw new FleetError('INPUT_INVALID', {
      message: 'table: give --table, or --dimensions for the vectors of pgfleet itself; not both',
      field: 'table',
    })
  }
  if (table === undefined) {
    // Its tables are of one type each, and of one distance.
    const type = (dimensions as number) <= 2000 ? 'vector' : 'halfvec'
    return {
      table: `memory.vectors_${dimensions}`,
      column: 'embedding',
      tenantColumn: 'tenant_id',
      metric: 'cosine',
      type,
    }
  }
  return {
    table,
    ...(column === undefined ? {} : { column }),
    ...(tenantColumn === undefined ? {} : { tenantColumn }),
    ...(metric === undefined ? {} : { metric }),
  }
}

async function queriesOf({ queries, queriesFrom }: VectorsOptions): Promise<SweepOptions['queries']> {
  if (queries === undefined) return queriesFrom === undefined ? undefined : { table: queriesFrom }
  if (queriesFrom !== undefined) {
    throw new FleetError('INPUT_INVALID', {
      message: 'queriesFrom: give --queries or --queries-from, not both',
      field: 'queriesFrom',
    })
  }
  const unreadable = (reason: string, cause?: unknown) =>
    new FleetError('INPUT_INVALID', { message: `queries: ${queries}: ${reason}`, field: 'queries', cause })
  const text = await readFile(queries, 'utf8').catch((cause: Error) => {
    throw unreadable(cause.message, cause)
  })
  let parsed: unknown
  try {
    const trimmed = text.trim()
    parsed = /^\[\s*\[/.test(trimmed)
      ? JSON.parse(trimmed)
      : trimmed.split('\n').map((line) => JSON.parse(line) as unknown)
  } catch (cause) {
    throw unreadable('is not JSON: an array of arrays, or one array a line, is expected', cause)
  }
  const isVector = (value: unknown): value is number[] =>
    Array.isArray(value) && value.every((part) => typeof part === 'number' && Number.isFinite(part))
  const vectors = parsed as unknown[]
  const wrong = vectors.findIndex((value) => !isVector(value))
  if (wrong >= 0) throw unreadable(`vector ${wrong + 1} is not an array of numbers`)
  return { vectors: vectors as number[][] }
}

/** The points of all rows as a picture. */
function drawSweep({ column, sample, points, k }: VectorSweep): string {
  const title = `${column.table}.${column.column}: ${count(sample.rows)} rows of ${column.dimensions} dimensions`
  return drawRecall(
    title,
    points.map(({ build, efSearch, recall, p50 }) => ({
      index: `${build.type}, m ${build.m}, ef_construction ${build.efConstruction}${build.existing ? ' (there)' : ''}`,
      search: `ef_search ${efSearch}`,
      recall,
      p50,
    })),
    k,
  )
}

function format({ terminal }: Context, sweep: VectorSweep): string {
  const { title, introduction, tables, conclusion, steps, application, notes } = reportSweep(sweep)
  const { bold, dim } = terminal.colors
  return [
    bold(title),
    ...introduction,
    ...tables.flatMap((table) => ['', table.title, terminal.table(table.head, table.rows)]),
    '',
    ...conclusion,
    ...(steps.length === 0 ? [] : ['', bold('To do')]),
    ...steps.flatMap(({ run, lock, undo }) => [...run, dim(`  lock: ${lock}`), dim(`  undo: ${undo}`)]),
    ...(application.length === 0 ? [] : ['', bold('The application'), ...application]),
    ...(notes.length === 0 ? [] : ['', ...notes.map((note) => `- ${note}`)]),
  ].join('\n')
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value]

/** Parses `16/64,24/200`. */
function builds(text: string): BuildSettings[] {
  return text.split(',').map((part) => {
    const [, m, efConstruction] = /^(\d{1,3})\/(\d{1,4})$/.exec(part.trim()) ?? []
    const build = { m: Number(m), efConstruction: Number(efConstruction) }
    if (build.m >= 2 && build.m <= 100 && build.efConstruction >= 2 * build.m && build.efConstruction <= 1000)
      return build
    throw new InvalidArgumentError(
      'Pairs m/ef_construction like 16/64,24/200 are expected: m from 2 to 100, ef_construction from 2 m to 1000.',
    )
  })
}

function efforts(text: string): number[] {
  const values = wholeNumbers(text)
  if (values.every((value) => value >= 1 && value <= 1000)) return [...new Set(values)].sort((a, b) => a - b)
  throw new InvalidArgumentError('Whole numbers from 1 to 1000 are expected.')
}
