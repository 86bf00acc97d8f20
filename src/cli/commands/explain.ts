import { readFile, writeFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { FleetError } from '../../errors.js'
import { type Plan, titleOf } from '../../explain/plan.js'
import { findProblems } from '../../explain/problems/index.js'
import { readPlan } from '../../explain/read.js'
import { explain as explainStatement } from '../../explain/run.js'
import { htmlView } from '../../explain/views/html.js'
import { treeView } from '../../explain/views/tree.js'
import { loadParser } from '../../lint/sql/parser.js'
import { action, type Context, type GlobalOptions, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { wholeNumber } from '../numbers.js'
import { readStdin } from '../stdin.js'

interface ExplainOptions extends GlobalOptions {
  readonly sql?: string
  readonly analyze?: boolean
  readonly write?: boolean
  readonly timeout?: number
  readonly html?: string
  readonly check?: 'critical' | 'warning' | 'info'
}

/** `pgfleet explain`: what a plan says, and what is wrong with it. */
export function addExplain(program: Command, shell: Shell): void {
  program
    .command('explain')
    .description('read a plan, or make one, name its problems and draw it')
    .argument('[file]', 'what EXPLAIN printed, text or JSON; - for standard input')
    .option('--sql <statement>', 'explain this statement on the database of --url')
    .option('--analyze', 'run it as well, in a transaction that is rolled back')
    .option('--write', 'let it write while it runs; without this the transaction is read only')
    .option('--timeout <ms>', 'end it after so many milliseconds', wholeNumber(1, 86_400_000), 60_000)
    .option('--html <file>', 'write it as one page as well')
    .addOption(
      new Option('--check <level>', 'exit with 1 for a problem of this level or worse').choices([
        'critical',
        'warning',
        'info',
      ]),
    )
    .addHelpText(
      'after',
      `
Reads plans of PostgreSQL 15 to 18, best of EXPLAIN (ANALYZE, BUFFERS, SETTINGS, FORMAT JSON).
A function that writes by other ways than the transaction, as by dblink, is not rolled back.

Examples:
  pgfleet explain plan.json --html plan.html
  psql -XqAt -c 'explain (analyze, buffers) select …' | pgfleet explain -
  pgfleet explain --url postgres://… --sql 'select …' --analyze

Exit codes: 0 read, 1 a problem (with --check) or the statement failed, 2 wrong usage or no plan.`,
    )
    .action(action(shell, explain))
}

async function explain(context: Context, options: ExplainOptions, file?: string) {
  const plan = await planOf(context, options, file)
  const problems = findProblems(plan)
  if (options.html !== undefined) {
    const page = htmlView(plan, problems, { title: `Plan: ${titleOf(plan.root)}` })
    await writeFile(options.html, page)
    context.terminal.note(`${options.html} written`)
  }
  const { terminal } = context
  terminal.result({ problems, plan: plainPlan(plan) }, () =>
    treeView(plan, problems, { width: terminal.width, paint: terminal.colors }),
  )
  const levels = ['critical', 'warning', 'info']
  const least = options.check === undefined ? -1 : levels.indexOf(options.check)
  return problems.some(({ level }) => levels.indexOf(level) <= least) ? EXIT.failed : EXIT.ok
}

async function planOf(context: Context, options: ExplainOptions, file: string | undefined): Promise<Plan> {
  const { sql, analyze = false, write = false, timeout } = options
  if ((file === undefined) === (sql === undefined)) {
    throw new FleetError('INPUT_INVALID', {
      message: file === undefined ? 'neither a plan nor a statement was given' : 'give a plan or --sql, not both',
      field: 'file',
      hint: 'Name a file, - for standard input, or a statement with --sql.',
    })
  }
  if (sql === undefined) {
    if (analyze || write)
      throw new FleetError('INPUT_INVALID', { message: '--analyze and --write need --sql', field: 'analyze' })
    return readPlan(decode(file === '-' ? await readStdin(context.signal) : await readPlanFile(file ?? '')))
  }
  if (write && !analyze) throw new FleetError('INPUT_INVALID', { message: '--write needs --analyze', field: 'write' })
  await loadParser()
  return await context.examining((connection) =>
    explainStatement(connection, sql, { analyze, write, ...(timeout !== undefined && { timeoutMs: timeout }) }),
  )
}

async function readPlanFile(path: string): Promise<Buffer> {
  return await readFile(path).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? 'there is no file' : `cannot be read (${cause.code})`
    throw new FleetError('INPUT_INVALID', { message: `${path}: ${why}`, field: 'file', cause })
  })
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new FleetError('INPUT_INVALID', {
      message: 'the plan is not text in UTF-8; it looks like a binary file',
      field: 'plan',
      cause,
    })
  }
}

/** The plan as plain data. */
function plainPlan(plan: Plan): unknown {
  return JSON.parse(
    JSON.stringify(plan, (_, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value)),
  )
}
