import { readFile, writeFile } from 'node:fs/promises'
import { type Command, InvalidArgumentError } from 'commander'
import { connect } from '../../doctor/connection.js'
import { FleetError } from '../../errors.js'
import { type AdviseIndexesOptions, adviseIndexes } from '../../indexing/advise.js'
import { formatMarkdown } from '../../indexing/report/markdown.js'
import { formatScript } from '../../indexing/report/script.js'
import { formatText } from '../../indexing/report/text.js'
import { parseWorkload } from '../../indexing/workload-file.js'
import { loadParser } from '../../lint/sql/parser.js'
import { action, type Context, type Shell } from '../context.js'
import { duration } from '../durations.js'
import { lendExamined } from '../examined.js'
import { EXIT } from '../failure.js'
import { wholeNumber } from '../numbers.js'
import { size } from '../sizes.js'
import { describeWhere, oneHost } from '../where.js'

interface IndexesOptions {
  readonly workload?: string
  readonly minCalls: number
  readonly top: number
  readonly schema?: readonly string[]
  readonly sizeBudget?: AdviseIndexesOptions['sizeBudget']
  readonly writeBudget: number
  readonly indexes: number
  readonly window: number
  readonly replica?: readonly string[]
  readonly timeout: number
  readonly budget: number
  readonly markdown?: boolean
  readonly sql?: string
}

/** `pgfleet advise indexes`: which indexes a workload lacks, and which it would not miss. */
export function addAdviseIndexes(advise: Command, shell: Shell): void {
  advise
    .command('indexes')
    .description('which indexes a workload lacks and which it would not miss; runs no statement, changes nothing')
    .option('--workload <file>', 'SQL statements, in place of pg_stat_statements')
    .option('--min-calls <n>', 'leave out statements that were called less often', wholeNumber(1), 20)
    .option('--top <n>', 'how many statements: those that took the most time', wholeNumber(1, 2000), 200)
    .option('--schema <names...>', 'only these schemas, which are also the search path')
    .option('--size-budget <size>', 'what all new indexes may take: 2GB, or 10% of the tables', sizeBudget)
    .option('--write-budget <share>', 'how much more work writing to a table may become', share, 1)
    .option('--indexes <n>', 'how many indexes at most', wholeNumber(1, 100), 20)
    .option(
      '--window <time>',
      'how long servers must have been watched before an index is dropped',
      duration,
      7 * 864e5,
    )
    .option('--replica <urls...>', 'replicas, to ask what they scan')
    .option('--timeout <time>', 'how long planning one statement may take', duration, 5000)
    .option('--budget <time>', 'how long indexes are tried', duration, 300_000)
    .option('--markdown', 'print it as Markdown')
    .option('--sql <file>', 'write what creates and drops to a file')
    .addHelpText(
      'after',
      `
Statements are planned, never run: EXPLAIN in read-only transactions, with indexes that hypopg imagines for this session alone.
Without hypopg statistics of columns have to do. GIN, GiST, HNSW and BRIN are advised by rule. No index is dropped by it: those that
may go are told, once all servers were watched for the window and the whole workload was planned without them.

A workload's file is SQL, with what is known of a statement before it: -- calls: 1200, -- mean: 3.5 ms, -- role: app.

Examples:
  pgfleet advise indexes --url postgres://… --size-budget 10% --sql indexes.sql
  pgfleet advise indexes --url postgres://… --replica postgres://replica/… --window 30d
  pgfleet advise indexes --url postgres://… --workload queries.sql --json

Exit codes: 0 done, 2 wrong usage or the database cannot be examined, 130 interrupted.`,
    )
    .action(action(shell, adviseIndexesOf))
}

async function adviseIndexesOf(context: Context, options: IndexesOptions) {
  const { where, terminal, signal } = context
  const { workload: file, replica = [], sql } = options
  if (options.markdown && terminal.json) {
    throw new FleetError('INPUT_INVALID', { message: 'markdown: --json prints it otherwise', field: 'markdown' })
  }
  const workload = file === undefined ? undefined : await readWorkloadFile(file)
  const given: AdviseIndexesOptions = {
    minCalls: options.minCalls,
    top: options.top,
    writeBudget: options.writeBudget,
    indexes: options.indexes,
    windowSeconds: options.window / 1000,
    timeoutMs: options.timeout,
    budgetMs: options.budget,
    replicas: replica.map((url) => ({
      name: describeWhere({ url }),
      open: () => connect(oneHost(url), guard(options)),
    })),
    signal,
    progress: (text) => terminal.note(text),
    ...(workload === undefined ? {} : { workload }),
    ...(options.schema === undefined ? {} : { schemas: options.schema }),
    ...(options.sizeBudget === undefined ? {} : { sizeBudget: options.sizeBudget }),
  }
  const advice = await lendExamined(context, context.where, guard(options), (open) => adviseIndexes(open, given))
  if (sql !== undefined) {
    await writeFile(sql, formatScript(advice)).catch((cause: Error) => {
      throw new FleetError('OPTIONS_INVALID', {
        message: `${sql} cannot be written: ${cause.message}`,
        field: 'sql',
        cause,
      })
    })
    terminal.note(`wrote ${sql}`)
  }
  const { bold, dim } = terminal.colors
  terminal.result({ ...advice, where: describeWhere(where) }, () =>
    options.markdown ? formatMarkdown(advice) : formatText(advice, { width: terminal.width, bold, dim }),
  )
  return EXIT.ok
}

/** A guard against a server that never answers: the server's own time-outs come first. */
const guard = ({ timeout }: IndexesOptions) => timeout * 4 + 30_000

async function readWorkloadFile(file: string) {
  const text = await readFile(file, 'utf8').catch((cause: Error) => {
    throw new FleetError('OPTIONS_INVALID', {
      message: `${file} cannot be read: ${cause.message}`,
      field: 'workload',
      cause,
    })
  })
  await loadParser()
  return parseWorkload(text, file)
}

/** Parses `2GB` or `10%`. */
function sizeBudget(text: string): NonNullable<AdviseIndexesOptions['sizeBudget']> {
  const percent = /^(\d{1,4}(?:\.\d+)?)%$/.exec(text)?.[1]
  return percent === undefined ? { bytes: size(text) } : { share: Number(percent) / 100 }
}

/** Parses `30%` as 0.3. */
function share(text: string): number {
  const percent = /^(\d{1,5}(?:\.\d+)?)%$/.exec(text)?.[1]
  if (percent === undefined) throw new InvalidArgumentError('A share like 30% is expected; 100% is twice the work.')
  return Number(percent) / 100
}
