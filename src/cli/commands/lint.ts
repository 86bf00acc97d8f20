import { readFileSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { setFlagsFromString } from 'node:v8'
import { type Command, Option } from 'commander'
import { FleetError } from '../../errors.js'
import { type DatabaseKnowledge, withDatabaseKnowledge } from '../../lint/catalog/database.js'
import { CONFIGURATION_FILE, fits, readConfiguration } from '../../lint/configuration.js'
import { encodeAs, readSources } from '../../lint/files.js'
import { applyFixes } from '../../lint/fixes.js'
import { type LintReport, lint as lintSources } from '../../lint/lint.js'
import { jsonReport } from '../../lint/reports/json.js'
import { markdownReport } from '../../lint/reports/markdown.js'
import { sarifReport } from '../../lint/reports/sarif.js'
import { isAtLeast, textReport } from '../../lint/reports/text.js'
import { LEVELS, type Level, PG_VERSIONS, type PgVersion, type Pooling } from '../../lint/rule.js'
import { RULES } from '../../lint/rules/index.js'
import { SOURCE_KINDS, type SourceKind } from '../../lint/source.js'
import { action, type Context, type GlobalOptions, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { readStdin } from '../stdin.js'

const FORMATS = ['table', 'json', 'sarif', 'markdown'] as const

interface LintOptions extends GlobalOptions {
  readonly as?: SourceKind
  readonly pgVersion?: string
  readonly pooling?: Pooling
  readonly level?: Level
  readonly format?: (typeof FORMATS)[number]
  readonly config?: string
  readonly fix?: boolean
  readonly trace?: boolean
  readonly list?: boolean
}

/** `pgfleet lint`: what is wrong with SQL and settings, before it runs. */
export function addLint(program: Command, shell: Shell): void {
  program
    .command('lint')
    .description('find what is wrong in SQL, migrations, SQL in TypeScript, postgresql.conf and pgbouncer.ini')
    .argument('[files...]', 'files, folders, or - for standard input')
    .addOption(new Option('--as <kind>', 'what the files are, whatever their names').choices(SOURCE_KINDS))
    .addOption(
      new Option('--pg-version <major>', 'the server it will run on; the newest by default').choices(
        PG_VERSIONS.map(String),
      ),
    )
    .addOption(
      new Option('--pooling <mode>', 'how connections are pooled: transaction forbids what a session keeps').choices([
        'transaction',
        'session',
      ]),
    )
    .addOption(new Option('--level <level>', 'show findings of this level or worse (default: warning)').choices(LEVELS))
    .addOption(new Option('--format <format>', 'how to print them').choices(FORMATS))
    .option('--config <file>', `overrides with reasons (default: ${CONFIGURATION_FILE} where it is there)`)
    .option('--fix', 'change the files where that is safe')
    .option(
      '--trace',
      'run the SQL files on the scratch database of --url, and roll back: locks, rewrites, scans, times',
    )
    .option('--list', 'print the rules')
    .addHelpText(
      'after',
      `
With --url the tables, indexes and functions of that database are known too, and it is asked whether it
takes each statement; it is only read. With --trace the SQL files are run there, in one transaction that
is rolled back: name a scratch copy, for its tables are locked meanwhile.

Suppress a finding by a comment with a reason: -- pgfleet-lint ignore <rule>: <reason>

Examples:
  pgfleet lint migrations src
  pgfleet lint --pg-version 15 --format sarif . > lint.sarif
  cat postgresql.conf | pgfleet lint --as postgresql.conf -

Exit codes: 0 nothing at or above --level, 1 findings, 2 wrong usage, a file that cannot be read, or a
database that cannot be asked.`,
    )
    .action(
      action<LintOptions>(shell, (context, options, ...operands) =>
        lint(context, options, (operands as unknown as string[][]).flat()),
      ),
    )
}

async function lint(context: Context, options: LintOptions, operands: readonly string[]) {
  if (options.list === true) {
    context.terminal.result(
      RULES.map(({ id, level, summary }) => ({ id, level, summary })),
      () => RULES.map(({ id, level, summary }) => `${id.padEnd(36)} ${level.padEnd(8)} ${summary}`).join('\n'),
    )
    return EXIT.ok
  }
  if (operands.length === 0) {
    throw new FleetError('INPUT_INVALID', {
      message: 'no file was named',
      field: 'files',
      hint: 'Name files or folders, or - for standard input.',
    })
  }
  const config = await readConfiguration(options.config ?? CONFIGURATION_FILE, {
    required: options.config !== undefined,
  })
  const level = options.level ?? config.level ?? 'warning'
  // A tree lives as long as its file is read. Collected early, the trees of a large one take 50 MB less.
  setFlagsFromString('--semi-space-growth-factor=1')
  const sources = await readSources(operands, {
    ...(options.as === undefined ? {} : { as: options.as }),
    excludes: (path) => config.exclude.some((pattern) => fits(pattern, path)),
    stdin: () => readStdin(context.signal),
    signal: context.signal,
  })
  const version = options.pgVersion === undefined ? undefined : (Number(options.pgVersion) as PgVersion)
  const report = await withKnowledge(context, options, (database) =>
    lintSources(sources, {
      version: version ?? database?.version ?? config.pgVersion ?? 18,
      pooling: options.pooling ?? config.pooling,
      configuration: config,
      ...(database?.catalog !== undefined && { catalog: database.catalog }),
      ...(database?.prepare !== undefined && { prepare: database.prepare }),
      ...(database?.trace !== undefined && { trace: database.trace }),
      signal: context.signal,
    }),
  )
  if (options.fix === true) await fix(context, report)
  print(context, report, level, options)
  return report.findings.some(({ finding }) => isAtLeast(finding.level, level)) ? EXIT.failed : EXIT.ok
}

/** Lends what the database of --url holds. One of the environment is not asked: linting needs none. */
async function withKnowledge<T>(
  context: Context,
  { url, dataDir, trace = false }: LintOptions,
  work: (database: DatabaseKnowledge | undefined) => Promise<T>,
): Promise<T> {
  if (url === undefined && dataDir === undefined) {
    if (!trace) return await work(undefined)
    throw new FleetError('INPUT_INVALID', {
      message: '--trace needs --url or --data-dir',
      field: 'trace',
      hint: 'Name a scratch copy of the database: the files are run there, and rolled back.',
    })
  }
  return await context.examining((connection) => withDatabaseKnowledge(connection, work, { trace }))
}

async function fix(context: Context, report: LintReport): Promise<void> {
  for (const { path, text, count } of applyFixes(report)) {
    if (path === '<stdin>') continue
    await writeFile(path, encodeAs(text, await readFile(path)))
    context.terminal.note(`${path}: ${count} fixed`)
  }
}

function print(context: Context, report: LintReport, level: Level, options: LintOptions): void {
  const { terminal } = context
  const format = options.format ?? (terminal.json ? 'json' : 'table')
  const text = () => {
    switch (format) {
      case 'json':
        return JSON.stringify(jsonReport(report, level))
      case 'sarif':
        return JSON.stringify(sarifReport(report, level, packageVersion()), null, 2)
      case 'markdown':
        return markdownReport(report, level)
      default:
        return textReport(report, { level, width: terminal.width, paint: terminal.colors })
    }
  }
  if (format === 'json') terminal.result(jsonReport(report, level), text)
  else terminal.text(text())
}

function packageVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return version
}
