import { type Command, Option } from 'commander'
import { findBackup } from '../../backup/folder.js'
import { rehearseRestore } from '../../backup/rehearsal.js'
import { answerChecklist, type Line } from '../../checklist/checklist.js'
import { formatMarkdown } from '../../checklist/markdown.js'
import type { Asked } from '../../checklist/question.js'
import { QUESTIONS } from '../../checklist/questions/index.js'
import { type SchemaStatus, schemaStatus } from '../../database/migrate.js'
import { CHECKS } from '../../doctor/checks/index.js'
import { type Connection, connect } from '../../doctor/connection.js'
import { examine } from '../../doctor/examine.js'
import { wrap } from '../../doctor/report/text.js'
import { resolveThresholds } from '../../doctor/thresholds.js'
import { FleetError, isFleetError } from '../../errors.js'
import { addKeyOptions, addProgramOptions, type BackupProgramOptions, programOptions } from '../backup-options.js'
import { action, type Context, type Shell } from '../context.js'
import { duration } from '../durations.js'
import { EXIT } from '../failure.js'
import { size } from '../sizes.js'
import { assertThere, describeWhere } from '../where.js'

interface ChecklistOptions extends BackupProgramOptions {
  readonly backups?: string
  readonly rehearse?: string
  readonly ageMax: number
  readonly pooler?: string
  readonly deep?: boolean
  readonly memory?: number
  readonly diskFree?: number
  readonly without?: readonly string[]
  readonly format: 'table' | 'markdown' | 'json'
}

/** How long one statement may take, in milliseconds. */
const TIMEOUT_MS = 5000
/** How long `--deep` may read tables, in milliseconds. */
const BUDGET_MS = 300_000

/** `pgfleet checklist`: is this database ready for production? Changes nothing. */
export function addChecklist(program: Command, shell: Shell): void {
  const command = program
    .command('checklist')
    .description('is this database ready for production: each question answered with evidence; changes nothing')
    .option('--backups <dir>', 'the folder of the backups')
    .option('--rehearse <url>', 'restore the newest backup into a scratch database of this server, and drop it')
    .option(
      '--age-max <time>',
      'oldest that the newest backup, and the last run of maintenance, may be',
      duration,
      26 * 3_600_000,
    )
    .option('--pooler <url>', 'the console of PgBouncer: postgres://stats@host:6432/pgbouncer')
    .option('--deep', 'also read tables and indexes, for five minutes at most')
    .option('--memory <size>', 'memory of the server’s machine, where the server cannot tell: 16GB', size)
    .option('--disk-free <size>', 'what the server’s disk has free, which no server can tell: 80GB', size)
    .option('--without <lines...>', 'questions that do not apply to this installation')
    .addOption(
      new Option('--format <format>', 'how to print it').choices(['table', 'markdown', 'json']).default('table'),
    )
    .addHelpText(
      'after',
      `
An answer is yes, no, cannot tell (with what has to be given to know) or not applicable.

Exit codes: 0 no question is answered by no, 1 one is, 2 wrong usage or the database cannot be examined.

Examples:
  pgfleet checklist --url postgres://monitor@db.example/app --backups /var/backups/pgfleet
  pgfleet checklist --without standby --format markdown > checklist.md`,
    )
  addKeyOptions(addProgramOptions(command)).action(action(shell, checklist))
}

async function checklist(context: Context, options: ChecklistOptions) {
  const { terminal, where } = context
  const without = withoutOf(options)
  assertThere(where)
  const lines = await context.withDatabase(async (database) => {
    const schema = await schemaStatus(database).catch((error: unknown): SchemaStatus | undefined => {
      if (isFleetError(error, 'PERMISSION_DENIED')) return undefined
      throw error
    })
    const { url } = where
    if (url !== undefined) return await answered(context, options, schema, () => connect(url, TIMEOUT_MS * 4 + 30_000))
    return await database.lend((lent) =>
      answered(context, options, schema, async () => ({
        query: async <Row>(text: string, values?: readonly unknown[]) =>
          (await lent.query(text, values as unknown[] | undefined)).rows as Row[],
        close: async () => {},
      })),
    )
  })
  const shown = lines.filter(({ id }) => !without.has(id) || options.format !== 'table')
  const name = describeWhere(where)
  if (options.format === 'json') terminal.text(JSON.stringify({ database: name, lines }, null, 2))
  else
    terminal.result({ database: name, lines }, () =>
      options.format === 'markdown' ? formatMarkdown(name, lines) : formatTable(context, shown),
    )
  return lines.some(({ answer }) => answer === 'no') ? EXIT.failed : EXIT.ok
}

/** The lines, over connections that `open` opens: one for the doctor's checks, and one for what no check sees. */
async function answered(
  { signal, terminal }: Context,
  options: ChecklistOptions,
  schema: SchemaStatus | undefined,
  open: () => Promise<Connection>,
): Promise<Line[]> {
  const { pooler, deep = false, memory, diskFree, ageMax: ageMaxMs, backups } = options
  const ids = new Set(QUESTIONS.flatMap(({ checks = [] }) => checks))
  const { server, results } = await examine(open, {
    checks: CHECKS.filter(({ id }) => ids.has(id)),
    thresholds: resolveThresholds(),
    timeoutMs: TIMEOUT_MS,
    budgetMs: deep ? BUDGET_MS : 0,
    signal,
    ...(memory === undefined ? {} : { memoryBytes: memory }),
    ...(diskFree === undefined ? {} : { diskFreeBytes: diskFree }),
    ...(pooler === undefined ? {} : { openPooler: () => connect(pooler, TIMEOUT_MS) }),
  })
  const connection = await open()
  try {
    const asked: Asked = {
      server,
      results: new Map(results.map((result) => [result.check, result])),
      schema,
      query: async <Row>(text: string) => {
        await connection.query('begin isolation level read committed read only')
        try {
          await connection.query(
            `set local statement_timeout = ${TIMEOUT_MS}; set local search_path = pg_catalog, pg_temp`,
          )
          return await connection.query<Row>(text)
        } finally {
          await connection.query('commit')
        }
      },
      backups,
      ageMaxMs,
      rehearse: rehearsal(options, server.database, signal, terminal.note),
    }
    return await answerChecklist(QUESTIONS, asked, new Set(options.without))
  } finally {
    await connection.close()
  }
}

function rehearsal(
  options: ChecklistOptions,
  database: string,
  signal: AbortSignal,
  progress: (message: string) => void,
): (() => Promise<number>) | undefined {
  const { rehearse: url, backups: from } = options
  if (url === undefined) return undefined
  if (from === undefined)
    throw new FleetError('OPTIONS_INVALID', { message: 'rehearse: --rehearse needs --backups', field: 'rehearse' })
  return async () => {
    const { path } = await findBackup(from, database)
    return (await rehearseRestore({ from: path, url, ...programOptions(options), signal, progress })).rows
  }
}

function withoutOf({ without = [] }: ChecklistOptions): ReadonlySet<string> {
  const unknown = without.find((id) => !QUESTIONS.some((question) => question.id === id))
  if (unknown === undefined) return new Set(without)
  throw new FleetError('OPTIONS_INVALID', {
    message: `there is no question '${unknown}'`,
    field: 'without',
    hint: `They are ${QUESTIONS.map(({ id }) => id).join(', ')}.`,
  })
}

function formatTable({ terminal }: Context, lines: readonly Line[]): string {
  const { colors } = terminal
  const paint = { yes: colors.green, no: colors.red, 'cannot tell': colors.yellow, 'not applicable': colors.dim }
  const margin = ' '.repeat(16)
  const indented = (text: string) => wrap(text, terminal.width, margin)
  const blocks = lines.map(({ id, question, answer, evidence, mend }) => {
    const asked = indented(question).map((part) => colors.bold(part.trimStart()))
    return [
      `${paint[answer](answer.padEnd(16))}${asked.join(`\n${margin}`)}`,
      `${margin}${colors.dim(id)}`,
      ...evidence.flatMap(indented),
      ...(mend === null ? [] : indented(`→ ${mend}`)),
    ].join('\n')
  })
  const counted = (answer: Line['answer']) => lines.filter((line) => line.answer === answer).length
  const sums = `${counted('yes')} yes, ${counted('no')} no, ${counted('cannot tell')} cannot be told, ${counted('not applicable')} not applicable.`
  return [...blocks, sums].join('\n')
}
