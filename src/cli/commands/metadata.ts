import type { Command } from 'commander'
import type { ChangeMessage, MetadataEntry, Tick, WholeEntity } from '../../stores/metadata/index.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { wholeNumber } from '../numbers.js'
import { assertThere } from '../where.js'

interface WatchOptions {
  readonly tenant: string
  readonly group: string
  readonly channel?: string
  readonly entity?: string[]
  readonly key?: string[]
  readonly cursor?: string
  readonly limit?: number
}

interface GetOptions {
  readonly tenant: string
  readonly key?: string[]
}

interface TicksOptions {
  readonly tenant: string
  readonly group: string
  readonly limit?: number
}

/** `pgfleet metadata`: looks at what agents share, and watches it change. */
export function addMetadata(program: Command, shell: Shell): void {
  const command = program
    .command('metadata')
    .description('look at what agents share, or watch it change')
    .addHelpText(
      'after',
      `
With --json each change, entity and tick is a line of its own; whole numbers beyond 2^53 are strings, bytes base64.

Examples:
  pgfleet metadata groups --tenant acme
  pgfleet metadata get robot-7 --tenant acme --key position battery
  pgfleet metadata watch --tenant acme --group REALTIME --channel floor-2 --json
  pgfleet metadata ticks --tenant acme --group REALTIME`,
    )
  command
    .command('groups')
    .description('print the sync groups: how often each is delivered, and what a crash may lose')
    .requiredOption('--tenant <id>', 'whose groups')
    .action(action(shell, groups))
  command
    .command('get')
    .description('print entities with what they hold; exit with 1 when one is not there')
    .argument('<entity...>', 'their names')
    .requiredOption('--tenant <id>', 'whose entities')
    .option('--key <key...>', 'only these keys')
    .action(action<GetOptions>(shell, (context, options, ...names) => get(context, options, names.flat())))
  command
    .command('watch')
    .description('print changes of a group as they happen, until interrupted')
    .requiredOption('--tenant <id>', 'whose changes')
    .requiredOption('--group <name>', 'of this sync group')
    .option('--channel <name>', 'only in this channel')
    .option('--entity <name...>', 'only of these entities')
    .option('--key <key...>', 'only of these keys')
    .option('--cursor <cursor>', 'begin behind this cursor (--json prints them); else now')
    .option('--limit <count>', 'end after so many changes', wholeNumber(1))
    .action(action(shell, watch))
  command
    .command('ticks')
    .description('print the last ticks of a group, newest first')
    .requiredOption('--tenant <id>', 'whose ticks')
    .requiredOption('--group <name>', 'of this sync group')
    .option('--limit <count>', 'most ticks', wholeNumber(1), 20)
    .action(action(shell, ticks))
}

async function groups(context: Context, { tenant }: { tenant: string }) {
  assertThere(context.where)
  const { terminal } = context
  await context.withFleet(async (fleet) => {
    const found = await fleet.tenant(tenant).metadata.groups.list()
    terminal.result(found, () =>
      terminal.table(
        ['group', '>tick ms', '>ticks kept', 'durability', 'enabled', 'description'],
        found.map((group) => [
          group.name,
          String(group.tickMs),
          String(group.ticksKept),
          group.durability,
          group.isEnabled ? 'yes' : 'no',
          group.description ?? '',
        ]),
      ),
    )
  })
  return EXIT.ok
}

async function get(context: Context, { tenant, key }: GetOptions, names: readonly string[]) {
  assertThere(context.where)
  return await context.withFleet(async (fleet) => {
    const found = await fleet.tenant(tenant).metadata.getEntities(names, { signal: context.signal })
    for (const entity of found) {
      if (entity === undefined) continue
      const entries = entity.entries.filter((entry) => key === undefined || key.includes(entry.key))
      printEntity(context, entity, entries)
    }
    const missing = names.filter((_, place) => found[place] === undefined)
    if (missing.length > 0) context.terminal.note(`Not there: ${missing.join(', ')}`)
    return missing.length > 0 ? EXIT.failed : EXIT.ok
  })
}

function printEntity({ terminal }: Context, entity: WholeEntity, entries: readonly MetadataEntry[]): void {
  const { bold, dim } = terminal.colors
  terminal.result({ ...entity, entries: entries.map((entry) => ({ ...entry, value: plain(entry.value) })) }, () =>
    [
      `${bold(entity.name)}  ${entity.syncGroup}${entity.channel === null ? '' : `  ${entity.channel}`}  ${dim(entity.updatedAt.toISOString())}`,
      ...entries.map(
        (entry) =>
          `  ${entry.key} = ${brief(entry.value)}  ${dim(`${entry.type}, version ${entry.version}, ${entry.updatedAt.toISOString()}`)}`,
      ),
    ].join('\n'),
  )
}

async function watch(context: Context, options: WatchOptions) {
  const { tenant, group, channel, entity, key, cursor, limit } = options
  assertThere(context.where)
  await context.withFleet(async (fleet) => {
    let left = limit ?? Number.POSITIVE_INFINITY
    const changes = fleet.tenant(tenant).metadata.subscribe({
      group,
      signal: context.signal,
      ...(channel === undefined ? {} : { channel }),
      ...(entity === undefined ? {} : { entities: entity }),
      ...(key === undefined ? {} : { keys: key }),
      ...(cursor === undefined ? {} : { cursor }),
    })
    changes.ready.then(
      () => context.terminal.note('Watching; Ctrl-C ends.'),
      // Told by the iteration.
      () => {},
    )
    for await (const change of changes) {
      printChange(context, change)
      left -= 1
      if (left <= 0) return
    }
  })
  return EXIT.ok
}

function printChange({ terminal }: Context, change: ChangeMessage): void {
  const { dim, bold, red } = terminal.colors
  const where = change.channel === null ? change.entity : `${change.entity} (${change.channel})`
  terminal.result(change.kind === 'set' ? { ...change, value: plain(change.value) } : change, () => {
    switch (change.kind) {
      case 'set':
        return `${dim(change.updatedAt.toISOString())}  ${bold(where)}  ${change.key} = ${brief(change.value)}  ${dim(`version ${change.version}`)}`
      case 'deleted':
        return `${dim(change.updatedAt?.toISOString() ?? '-'.padEnd(24))}  ${bold(where)}  ${change.key} ${red('deleted')}`
      case 'left':
        return `${'-'.padEnd(24)}  ${bold(where)}  ${red('left')}`
    }
  })
}

async function ticks(context: Context, { tenant, group, limit = 20 }: TicksOptions) {
  assertThere(context.where)
  const { terminal } = context
  await context.withFleet(async (fleet) => {
    const found = await fleet.tenant(tenant).metadata.ticks.list({ group, limit }, { signal: context.signal })
    if (terminal.json) for (const tick of found) terminal.result(tick, () => '')
    else if (found.length === 0)
      terminal.note('No ticks: nothing has changed, or no ticker runs (metadata.ticks.start).')
    else
      terminal.result(found, () =>
        terminal.table(['>tick', 'due', '>changes', '>late ms', '>took ms', '>headroom ms'], found.map(rowOf)),
      )
  })
  return EXIT.ok
}

const rowOf = (tick: Tick) => [
  String(tick.number),
  tick.dueAt.toISOString(),
  String(tick.changeCount),
  tick.delayMs.toFixed(1),
  tick.durationMs.toFixed(1),
  tick.headroomMs.toFixed(1),
]

/** A value as JSON can hold it. */
function plain(value: MetadataEntry['value']): unknown {
  if (typeof value === 'bigint') return value.toString()
  return Buffer.isBuffer(value) ? value.toString('base64') : value
}

function brief(value: MetadataEntry['value']): string {
  return (typeof value === 'bigint' ? value.toString() : JSON.stringify(plain(value))).slice(0, 200)
}
