import type { Command } from 'commander'
import { onAbort } from '../../database/abort-signal.js'
import { FleetError } from '../../errors.js'
import type { MaintenanceRun, RunItem, RunsOptions, ServiceName } from '../../maintenance/index.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { bytes, count, minute } from '../figures.js'
import { numberBetween, wholeNumber } from '../numbers.js'
import { assertThere } from '../where.js'

interface MaintainOptions {
  readonly once?: boolean
  readonly dryRun?: boolean
  readonly service?: string[]
  readonly directUrl?: string
  readonly archiveTo?: string
  readonly leaseSeconds?: number
}

/** `pgfleet maintain`: does what the database needs done, once or from now on; tells what was done. */
export function addMaintain(program: Command, shell: Shell): void {
  const command = program
    .command('maintain')
    .description('do what the database needs done now and then, until interrupted')
    .option('--once', 'run every service once, and end')
    .option('--dry-run', 'say what would be done, once, and change nothing')
    .option('--service <name...>', 'only these services')
    .option('--direct-url <url>', 'the server past its pooler, for rebuilding indexes and for archives')
    .option('--archive-to <place>', 'where archives go: a folder, or s3://bucket/prefix')
    .option(
      '--lease-seconds <number>',
      'how soon another process may follow one that was lost',
      numberBetween(0.5, 3600),
      15,
    )
    .addHelpText(
      'after',
      `
Of all processes that maintain a database one leads; the others wait, and follow when it is lost.

Examples:
  pgfleet maintain                           from now on, as a service
  pgfleet maintain --once                    from cron; exits with 1 when a service failed
  pgfleet maintain --dry-run --service retention
  pgfleet maintain runs retention            what was done, newest first
  pgfleet maintain retention set acme memory.events 90
  pgfleet maintain retention at-end memory.events archive
  pgfleet maintain --archive-to s3://archives/pgfleet --direct-url postgres://db.example/app`,
    )
    .action(action(shell, maintain))
  command
    .command('services')
    .description('list the services: what each does, how often, with which options')
    .action(action(shell, services))
  command
    .command('runs [service]')
    .description('list what was done, newest first; of one service, or of all')
    .option('--limit <count>', 'most runs', wholeNumber(1, 10_000), 20)
    .option('--after <id>', 'go on behind the run with this id')
    .action(action(shell, runs))
  const retention = command.command('retention').description('how long rows are kept, tenant by tenant')
  retention
    .command('list')
    .description('list what holds for all, and what tenants want otherwise')
    .option('--tenant <id>', 'only of this tenant')
    .action(action(shell, listRetention))
  retention
    .command('set <tenant> <table> <days>')
    .description("keep a tenant's rows of a table so many days; `default`: as all others' are kept")
    .action(action(shell, setRetention))
  retention
    .command('at-end <table> <drop|archive>')
    .description('what becomes of partitions of a table that nobody wants kept')
    .action(action(shell, setAtEnd))
}

async function maintain(context: Context, options: MaintainOptions) {
  const { once = false, dryRun = false } = options
  assertThere(context.where)
  return once || dryRun ? await maintainOnce(context, options) : await maintainOn(context, options)
}

/** Options of the library, from those of the command. */
function optionsOf({ service, directUrl, archiveTo, leaseSeconds }: MaintainOptions) {
  return {
    ...(service === undefined ? {} : { services: service as ServiceName[] }),
    ...(directUrl === undefined ? {} : { directUrl }),
    ...(archiveTo === undefined ? {} : { options: { archive: { to: archiveTo } } }),
    ...(leaseSeconds === undefined ? {} : { leaseMs: Math.round(leaseSeconds * 1000) }),
  }
}

async function maintainOnce(context: Context, options: MaintainOptions) {
  const { terminal, signal } = context
  const { dryRun = false } = options
  return await context.withFleet(async (fleet) => {
    const done = await fleet.maintenance.runOnce(undefined, {
      ...optionsOf(options),
      dryRun,
      signal,
      onRun: (run) => terminal.note(lineOf(run)),
    })
    terminal.result(done, () =>
      [...tableOf(context, done), ...(dryRun ? ['Nothing was changed (--dry-run).'] : [])].join('\n'),
    )
    return done.some(({ outcome }) => outcome === 'failed') ? EXIT.failed : EXIT.ok
  })
}

async function maintainOn(context: Context, options: MaintainOptions) {
  const { terminal, signal } = context
  return await context.withFleet(async (fleet) => {
    // Refused here if it is not allowed at all, instead of again and again.
    await fleet.maintenance.runs({ limit: 1 })
    const over = new Promise<void>((resolve) => (signal.aborted ? resolve() : onAbort(signal, resolve)))
    fleet.maintenance.start({
      ...optionsOf(options),
      onLead: (leads) => terminal.note(leads ? 'Leading; Ctrl-C ends.' : 'Another process leads; waiting.'),
      onRun: (run) => terminal.result(run, () => lineOf(run)),
      onError: (error) => terminal.note(`${error.code}: ${error.message}`),
    })
    await over
    await fleet.maintenance.stop()
    return EXIT.interrupted
  })
}

async function services(context: Context) {
  const { terminal } = context
  await context.withFleet(async (fleet) => {
    const all = fleet.maintenance.services()
    terminal.result(all, () =>
      terminal.table(
        ['service', '>every', 'does', 'options'],
        all.map(({ name, intervalMs, description, defaults }) => [
          name,
          spanOf(intervalMs),
          description,
          Object.entries(defaults)
            .map(([option, value]) => `${option} ${value}`)
            .join('\n'),
        ]),
      ),
    )
  })
  return EXIT.ok
}

async function runs(context: Context, { limit, after }: Omit<RunsOptions, 'service'>, service?: string) {
  const { terminal } = context
  assertThere(context.where)
  await context.withFleet(async (fleet) => {
    const found = await fleet.maintenance.runs({
      ...(service === undefined ? {} : { service }),
      ...(limit === undefined ? {} : { limit }),
      ...(after === undefined ? {} : { after }),
    })
    terminal.result(found, () => (found.length === 0 ? 'There are no runs.' : tableOf(context, found).join('\n')))
  })
  return EXIT.ok
}

async function listRetention(context: Context, { tenant }: { tenant?: string }) {
  const { terminal } = context
  assertThere(context.where)
  await context.withFleet(async ({ maintenance: { retention } }) => {
    const tables = await retention.tables()
    const policies = await retention.list(tenant === undefined ? {} : { tenant })
    terminal.result({ tables, policies }, () =>
      terminal.table(
        ['table', 'tenant', '>kept', 'then'],
        [
          ...tables.map((one) => [
            one.table,
            'all others',
            one.keepMs === null ? 'for ever' : spanOf(one.keepMs),
            one.keepMs === null ? '' : one.atEnd,
          ]),
          ...policies.map((one) => [one.table, one.tenant, spanOf(one.keepMs), '']),
        ].sort(([a = ''], [b = '']) => (a < b ? -1 : a > b ? 1 : 0)),
      ),
    )
  })
  return EXIT.ok
}

async function setRetention(context: Context, _: object, tenant = '', table = '', days = '') {
  const { terminal } = context
  assertThere(context.where)
  const isDefault = days === 'default'
  if (!isDefault && !/^\d{1,5}$/.test(days)) {
    throw new FleetError('OPTIONS_INVALID', {
      message: 'days: a whole number of days, or `default`, is expected',
      field: 'days',
    })
  }
  const keepMs = isDefault ? null : Number(days) * 86_400_000
  await context.withFleet((fleet) => fleet.maintenance.retention.set({ tenant, table, keepMs }))
  terminal.result({ tenant, table, keepMs }, () =>
    isDefault ? `${table} of ${tenant} is kept as long as all others'.` : `${table} of ${tenant} is kept ${days} days.`,
  )
  return EXIT.ok
}

async function setAtEnd(context: Context, _: object, table = '', atEnd = '') {
  const { terminal } = context
  assertThere(context.where)
  if (atEnd !== 'drop' && atEnd !== 'archive') {
    throw new FleetError('OPTIONS_INVALID', { message: 'at-end: drop or archive is expected', field: 'atEnd' })
  }
  await context.withFleet((fleet) => fleet.maintenance.retention.setAtEnd({ table, atEnd }))
  terminal.result({ table, atEnd }, () =>
    atEnd === 'archive'
      ? `Partitions of ${table} that nobody wants kept are archived.`
      : `Partitions of ${table} that nobody wants kept are dropped.`,
  )
  return EXIT.ok
}

/** A run in a line. */
function lineOf(run: MaintenanceRun): string {
  return `${run.startedAt.toISOString()}  ${run.service}  ${run.outcome}${run.dryRun ? ' (dry run)' : ''}  ${summaryOf(run)}`
}

function summaryOf({ done, error }: MaintenanceRun): string {
  const counts = Object.entries(done.counts).map(([name, number]) =>
    name === 'bytes' ? bytes(number) : `${name} ${count(number)}`,
  )
  return [
    ...(counts.length > 0 ? [counts.join(', ')] : error === null && !done.skipped ? ['nothing to do'] : []),
    ...(done.skipped === undefined ? [] : [done.skipped]),
    ...(error === null ? [] : [`${error.code}: ${error.message}`]),
    ...(done.more ? ['more to do'] : []),
  ].join('; ')
}

function tableOf({ terminal }: Context, found: readonly MaintenanceRun[]): string[] {
  const rows = found.map((run) => [
    minute(run.startedAt),
    run.service,
    `${run.outcome ?? 'running'}${run.dryRun ? ', dry run' : ''}`,
    summaryOf(run),
  ])
  const items = found.flatMap((run) => run.done.items.map((item) => `  ${run.service}: ${itemOf(item)}`))
  return [terminal.table(['started', 'service', 'outcome', 'done'], rows), ...items]
}

function itemOf({ action, object, bytes: size, note, undo }: RunItem): string {
  return [
    `${action} ${object}`,
    ...(size === undefined ? [] : [bytes(size)]),
    ...(note === undefined ? [] : [note]),
    ...(undo === undefined ? [] : [`undo: ${undo}`]),
  ].join('; ')
}

/** A time span in the largest unit that divides it. */
function spanOf(milliseconds: number): string {
  const units: [number, string][] = [
    [86_400_000, 'days'],
    [3_600_000, 'h'],
    [60_000, 'min'],
    [1000, 's'],
  ]
  const [size, unit] = units.find(([each]) => milliseconds % each === 0 && milliseconds >= each) ?? [1, 'ms']
  return `${milliseconds / size} ${unit}`
}
