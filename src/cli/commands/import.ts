import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import type { Command } from 'commander'
import { type Imported, importRuns, readRuns } from '../../import/index.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { count, decimal, seconds } from '../figures.js'
import { createProgress } from '../progress.js'
import { time } from '../times.js'
import { describeWhere } from '../where.js'

interface ImportRunsOptions {
  readonly tenant: string
  readonly source?: string
  readonly at?: Date
}

/** `pgfleet import`: brings what other programs recorded into the event log. */
export function addImport(program: Command, shell: Shell): void {
  program
    .command('import')
    .description('import what agents did into the event log')
    .command('runs <file>')
    .description('import runs of an agent (tau-bench JSON), and print their pass^k')
    .option('--tenant <id>', 'where to; created when it is not there', 'import')
    .option('--source <name>', "the events' source (default: the name of the file)")
    .option('--at <time>', 'the time of the first event (default: when the file was last changed)', time)
    .addHelpText(
      'after',
      `
FILE holds an array of {task_id, trial, reward, traj}. An event is appended for each message, tool
call and result, a run under one correlation id. Importing a file again changes nothing.

Examples:
  pgfleet import runs airline-runs.json
  pgfleet import runs airline-runs.json --url postgres://localhost/app --tenant acme --json`,
    )
    .action(action(shell, run))
}

async function run(context: Context, { tenant, source, at }: ImportRunsOptions, path = '') {
  const { terminal, signal, where } = context
  // Read first: a wrong path needs no database.
  const file = await readRuns(path)
  const changed = (await stat(path)).mtime
  const isRecent = Math.abs(Date.now() - changed.getTime()) < 390 * 86_400_000 && changed.getTime() <= Date.now()
  const progress = createProgress(terminal, 'import')
  const startedAt = performance.now()
  const found = await context.withFleet(async (fleet) => {
    await fleet.tenants.create({ id: tenant }, { ifNotExists: true })
    try {
      return await importRuns(fleet.tenant(tenant), file, {
        source: source ?? basename(path).slice(0, 200),
        at: at ?? (isRecent ? changed : new Date()),
        signal,
        onProgress: (done, total) => progress.update(done, total),
      })
    } finally {
      progress.stop()
    }
  })
  const took = (performance.now() - startedAt) / 1000
  terminal.result({ file: path, tenant, seconds: took, ...found }, () =>
    [
      formatImported(context, found),
      terminal.colors.dim(`tenant ${tenant} of ${describeWhere(where)}, ${seconds(took)}`),
    ].join('\n'),
  )
  return EXIT.ok
}

function formatImported({ terminal }: Context, { runs, events, replayed, passHatK }: Imported): string {
  return [
    `${count(runs)} runs: ${count(events)} events appended, ${count(replayed)} there before`,
    terminal.table(
      ['k', '>pass^k', '>tasks'],
      passHatK.map(({ k, value, tasks }) => [String(k), decimal(value, 3), count(tasks)]),
    ),
    terminal.colors.dim('pass^k: the chance that k runs of a task all succeed, mean over the tasks'),
  ].join('\n')
}
