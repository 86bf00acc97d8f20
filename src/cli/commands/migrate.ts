import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import {
  type MigrateReport,
  migrate,
  migrateDown,
  migrationPlan,
  type SchemaStatus,
  schemaStatus,
} from '../../database/migrate.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { minute } from '../figures.js'
import { wholeNumber } from '../numbers.js'
import { assertThere, describeWhere } from '../where.js'

/** `pgfleet migrate`: brings the schema up to date, or down; tells its state; prints the SQL. */
export function addMigrate(program: Command, shell: Shell): void {
  const command = program
    .command('migrate')
    .description("bring the database's schema to this version of pgfleet")
    .option('--dry-run', 'do everything, then roll it back')
    .addHelpText(
      'after',
      `
Examples:
  pgfleet migrate                        up to date, in one transaction
  pgfleet migrate status                 exits with 1 when something is to be applied
  pgfleet migrate plan --out plan.sql    the SQL, for review and for the one who may create roles
  pgfleet migrate down --to 1            back to migration 1; 0 removes the schema`,
    )
    .action(action(shell, up))
  command
    .command('status')
    .description('compare the schema with this version; exits with 1 when it differs')
    .action(action(shell, status))
  command
    .command('plan')
    .description('print the SQL that migrate would run; changes nothing')
    .option('--out <file>', 'write it to a file')
    .action(action(shell, plan))
  command
    .command('down')
    .description('take the schema back to an older migration')
    .requiredOption('--to <number>', 'the migration to go back to; 0 removes the schema', wholeNumber(0))
    .option('--allow-data-loss', 'go on where data is dropped')
    .option('--dry-run', 'do everything, then roll it back')
    .action(action(shell, down))
}

async function up({ withDatabase, terminal, where, signal }: Context, { dryRun = false }: { dryRun?: boolean }) {
  const report = await withDatabase((database) => migrate(database, { dryRun, signal }))
  terminal.result({ ...report, dryRun }, () => {
    const changed = report.migrations.length + report.routines.length
    if (changed === 0) return `${describeWhere(where)} is up to date, at migration ${report.version}.`
    return [
      ...reportLines(report),
      dryRun
        ? 'All of it works; nothing was kept (--dry-run).'
        : `${describeWhere(where)} is at migration ${report.version}.`,
      ...OLDER_PROCESSES[report.olderProcesses],
    ].join('\n')
  })
  return EXIT.ok
}

/** What is said of processes that were running before. */
const OLDER_PROCESSES: Readonly<Record<MigrateReport['olderProcesses'], readonly string[]>> = {
  none: [],
  'may-go-on': ['Processes of the version before may go on beside those of this one; replace them when it suits.'],
  'must-be-stopped': [
    'Processes of the version that the schema was at do not work with it any more: stop them, before if you can (--dry-run tells).',
  ],
}

async function status(context: Context) {
  const { terminal, where } = context
  assertThere(where)
  const status = await context.withDatabase(schemaStatus)
  terminal.result(status, () => formatSchema(context, status))
  return status.upToDate ? EXIT.ok : EXIT.failed
}

async function plan({ withDatabase, terminal }: Context, { out }: { out?: string }) {
  const plan = await withDatabase(migrationPlan)
  const script = formatPlan(plan)
  if (out !== undefined) {
    await writeFile(out, script)
    terminal.note(`The plan is in ${out}.`)
    if (!terminal.json) return EXIT.ok
  }
  terminal.result({ ...plan, ...(out === undefined ? {} : { file: out }) }, () => script.trimEnd())
  return EXIT.ok
}

interface DownOptions {
  readonly to: number
  readonly allowDataLoss?: boolean
  readonly dryRun?: boolean
}

async function down(context: Context, { to, allowDataLoss = false, dryRun = false }: DownOptions) {
  const { terminal, where, signal } = context
  assertThere(where)
  const report = await context.withDatabase((database) => migrateDown(database, to, { allowDataLoss, dryRun, signal }))
  terminal.result({ ...report, dryRun }, () => {
    if (report.migrations.length === 0) return `${describeWhere(where)} is at migration ${report.version} already.`
    const done = report.migrations.map((name) => `  undone   ${name}`)
    return [
      ...done,
      dryRun ? 'All of it works; nothing was kept (--dry-run).' : `Now at migration ${report.version}.`,
    ].join('\n')
  })
  return EXIT.ok
}

/** The state of the schema, in a few lines. */
export function formatSchema({ terminal }: Pick<Context, 'terminal'>, status: SchemaStatus): string {
  const { colors } = terminal
  const applied = status.applied.map((one) => [name(one.version, one.name), `applied ${minute(one.appliedAt)}`])
  const pending = status.pending.map((one) => [one, colors.yellow('to be applied')])
  const verdict = status.isAhead
    ? colors.green('migrated by a newer pgfleet, which serves this one for now')
    : status.upToDate
      ? colors.green('up to date')
      : colors.yellow(`behind: ${status.pending.length} migrations and ${status.changed.length} functions to apply`)
  const rows = [...applied, ...pending]
  return [
    `schema at migration ${status.version} of ${status.target}: ${verdict}`,
    ...(rows.length > 0 ? [terminal.table(['migration', 'state'], rows)] : []),
    ...(status.upToDate ? [] : ['Run `pgfleet migrate` to bring it up to date.']),
  ].join('\n')
}

function reportLines(report: MigrateReport): string[] {
  return [
    ...report.migrations.map((migration) => `  applied  ${migration}`),
    ...(report.routines.length > 0 ? [`  applied  ${report.routines.length} functions and views`] : []),
  ]
}

function formatPlan({ bootstrap, steps }: { bootstrap: string | undefined; steps: string }): string {
  const first = bootstrap === undefined ? '-- Roles and extensions are there.\n' : bootstrap
  const second = steps === '' ? '-- The schema is up to date.\n' : steps
  return [
    '-- Part 1: run once by a login that may create roles and extensions, with psql.\n',
    first,
    '\n-- Part 2: for review. `pgfleet migrate` runs it in one transaction and records what it applied; psql does not.\n',
    second,
  ].join('')
}

function name(version: number, text: string): string {
  return `${String(version).padStart(4, '0')}_${text}`
}
