import type { Command } from 'commander'
import { FleetError } from '../../errors.js'
import type { Archive, ArchiveProgress, ArchiveState, ArchivesOptions } from '../../maintenance/index.js'
import { action, type Context, type Shell } from '../context.js'
import { duration, inWords } from '../durations.js'
import { EXIT } from '../failure.js'
import { bytes, count, minute } from '../figures.js'
import { wholeNumber } from '../numbers.js'
import { createProgress } from '../progress.js'
import { assertThere } from '../where.js'

interface ListOptions {
  readonly table?: string
  readonly state?: ArchiveState[]
  readonly limit?: number
}

interface ReadOptions {
  readonly from?: string
}

interface RestoreOptions extends ReadOptions {
  readonly table?: string
  readonly month?: string
  readonly directUrl?: string
  readonly keep?: number
}

/** `pgfleet archive`: what was archived, whether it holds, and its way back. `pgfleet maintain` writes it. */
export function addArchive(program: Command, shell: Shell): void {
  const command = program
    .command('archive')
    .description('list, verify and restore partitions that maintenance has archived')
    .addHelpText(
      'after',
      `
Archives are written by \`pgfleet maintain --archive-to PLACE\`, for tables that are set to it:
\`pgfleet maintain retention at-end TABLE archive\`. Credentials of a bucket come from the environment or a profile of the AWS SDK.

Examples:
  pgfleet archive list --table memory.events
  pgfleet archive verify memory.events_p202601.1
  pgfleet archive restore --table memory.events --month 2026-01 --keep 7d`,
    )
  command
    .command('list')
    .description('list what was archived, by table and month')
    .option('--table <table>', 'only of this table')
    .option('--state <state...>', 'only those in these states: archived, restored, ...')
    .option('--limit <count>', 'most archives', wholeNumber(1, 10_000), 1000)
    .action(action(shell, list))
  command
    .command('verify <name>')
    .description('read an archive, and compare it with its checksums; exit with 1 when it is not what was written')
    .option('--from <place>', 'where its objects are now, when they were moved')
    .action(action(shell, verify))
  command
    .command('restore [name]')
    .description('bring a partition back, while its table is read and written')
    .option('--table <table>', 'instead of a name: the newest archive of this table ...')
    .option('--month <month>', '... for this month, like 2026-01')
    .option('--keep <time>', 'how long retention leaves it alone: 7d (default: 30d)', duration)
    .option('--from <place>', 'where its objects are now, when they were moved')
    .option('--direct-url <url>', 'the server past its pooler, as a member of pgfleet_owner (default: --url)')
    .action(action(shell, restore))
}

async function list(context: Context, { table, state, limit }: ListOptions) {
  const { terminal } = context
  assertThere(context.where)
  const options: ArchivesOptions = {
    ...(table === undefined ? {} : { table }),
    ...(state === undefined ? {} : { states: state }),
    ...(limit === undefined ? {} : { limit }),
  }
  await context.withFleet(async (fleet) => {
    const archives = await fleet.maintenance.archives.list(options)
    terminal.result(archives, () =>
      archives.length === 0
        ? 'There are no archives.'
        : terminal.table(
            ['archive', 'month', 'state', '>rows', '>size', 'archived', 'place'],
            archives.map((one) => [
              one.name,
              one.month,
              one.keptUntil !== null && one.state === 'restored'
                ? `restored, until ${minute(one.keptUntil)}`
                : one.state,
              one.rows === null ? '-' : count(one.rows),
              one.bytes === null ? '-' : bytes(one.bytes),
              one.archivedAt === null ? '-' : minute(one.archivedAt),
              one.place,
            ]),
          ),
    )
  })
  return EXIT.ok
}

async function verify(context: Context, { from }: ReadOptions, name = '') {
  const { terminal, signal } = context
  assertThere(context.where)
  await context.withFleet(async (fleet) => {
    const archive = await reading(context, name, (onProgress) =>
      fleet.maintenance.archives.verify(name, { ...(from === undefined ? {} : { from }), signal, onProgress }),
    )
    terminal.result(archive, () => `${archive.name} holds: ${told(archive)}`)
  })
  return EXIT.ok
}

async function restore(context: Context, options: RestoreOptions, name?: string) {
  const { terminal, signal, where } = context
  const { table, month, keep: keepMs, from, directUrl = where.url } = options
  assertThere(where)
  if ((name === undefined) === (table === undefined) || (table === undefined) !== (month === undefined)) {
    throw new FleetError('OPTIONS_INVALID', { message: 'name an archive, or give --table and --month', field: 'name' })
  }
  if (directUrl === undefined) {
    throw new FleetError('OPTIONS_INVALID', { message: 'archives are of a server: give --url', field: 'url' })
  }
  await context.withFleet(async ({ maintenance: { archives } }) => {
    const named = name ?? (await archives.find(table ?? '', month ?? '')).name
    const done = await reading(context, named, (onProgress) =>
      archives.restore(named, {
        directUrl,
        ...(keepMs === undefined ? {} : { keepMs }),
        ...(from === undefined ? {} : { from }),
        signal,
        onProgress,
      }),
    )
    terminal.result(done, () =>
      [
        `${done.archive.partition} of ${done.archive.table} is back: ${count(done.rows)} rows.`,
        ...(done.removed > 0 ? [`${count(done.removed)} rows were left out: their tenants were erased since.`] : []),
        `Retention leaves it alone for ${inWords((done.archive.keptUntil?.getTime() ?? 0) - Date.now())}.`,
      ].join('\n'),
    )
  })
  return EXIT.ok
}

/** Shows how far the object was read. */
async function reading<T>(
  { terminal }: Context,
  name: string,
  work: (onProgress: (progress: ArchiveProgress) => void) => Promise<T>,
): Promise<T> {
  terminal.note(`reading ${name}`)
  const progress = createProgress(terminal, 'bytes')
  try {
    return await work(({ bytes: done, totalBytes }) => progress.update(done, totalBytes))
  } finally {
    progress.stop()
  }
}

const told = ({ rows, bytes: size }: Archive) => `${count(rows ?? 0)} rows in ${bytes(size ?? 0)}`
