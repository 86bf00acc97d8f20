import type { Command } from 'commander'
import { FleetError } from '../../errors.js'
import type { EventQuery, StoredEvent, TailedEvent } from '../../stores/memory/index.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { wholeNumber } from '../numbers.js'
import { time } from '../times.js'
import { assertThere } from '../where.js'

interface EventsOptions {
  readonly tenant: string
  readonly type?: string[]
  readonly from?: Date
  readonly to?: Date
  readonly correlation?: string
  readonly contains?: string
  readonly newestFirst?: boolean
  readonly limit?: number
  readonly after?: string
}

/** `pgfleet events`: looks into the event log, or follows it. */
export function addEvents(program: Command, shell: Shell): void {
  const command = program
    .command('events')
    .description('look into the event log, or follow it')
    .addHelpText(
      'after',
      `
TYPE is a pattern: * is any characters, ? is one. With --json each event is a line of its own.

Examples:
  pgfleet events query --tenant acme --type 'tool.*' --from 2h
  pgfleet events query --tenant acme --contains '{"tool": "search"}' --newest-first --limit 20
  pgfleet events tail --tenant acme --type 'run.*' --json`,
    )
  command
    .command('query')
    .description('print the events that match, oldest first')
    .requiredOption('--tenant <id>', 'whose events')
    .option('--type <type...>', 'of these types')
    .option('--from <time>', 'at this time or later: 2026-01-31T12:00:00Z, 15m, 2h, 7d', time)
    .option('--to <time>', 'before this time', time)
    .option('--correlation <id>', 'of this correlation id')
    .option('--contains <json>', 'whose payload contains this')
    .option('--newest-first', 'print the newest first')
    .option('--limit <count>', 'most events', wholeNumber(1), 100)
    .action(action(shell, query))
  command
    .command('tail')
    .description('print events as they are appended, until interrupted')
    .requiredOption('--tenant <id>', 'whose events')
    .option('--type <type...>', 'of these types')
    .option('--after <cursor>', 'begin behind this cursor (--json prints them), at "start" or at "now"', 'now')
    .option('--limit <count>', 'end after so many events', wholeNumber(1))
    .action(action(shell, tail))
}

async function query(context: Context, options: EventsOptions) {
  const { type, from, to, correlation, contains, newestFirst, limit = 100 } = options
  const wanted: EventQuery = {
    ...(type === undefined ? {} : { type }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(correlation === undefined ? {} : { correlationId: correlation }),
    ...(contains === undefined ? {} : { payload: parse(contains) }),
    order: newestFirst ? 'desc' : 'asc',
  }
  assertThere(context.where)
  await context.withFleet(async (fleet) => {
    const { events } = fleet.tenant(options.tenant).memory
    let left = limit
    let after: string | undefined
    do {
      const page = await events.query(
        { ...wanted, limit: Math.min(left, 1000), ...(after === undefined ? {} : { after }) },
        { signal: context.signal },
      )
      for (const event of page.events) print(context, event)
      left -= page.events.length
      after = page.next
    } while (after !== undefined && left > 0)
  })
  return EXIT.ok
}

async function tail(context: Context, { tenant, type, after = 'now', limit }: EventsOptions) {
  assertThere(context.where)
  await context.withFleet(async (fleet) => {
    const options = { after, signal: context.signal, ...(type === undefined ? {} : { type }) }
    let left = limit ?? Number.POSITIVE_INFINITY
    const events = fleet.tenant(tenant).memory.events.tail(options)
    context.terminal.note('Following the log; Ctrl-C ends.')
    for await (const event of events) {
      print(context, event)
      left -= 1
      if (left <= 0) return
    }
  })
  return EXIT.ok
}

function parse(json: string): never {
  try {
    return JSON.parse(json) as never
  } catch (cause) {
    throw new FleetError('INPUT_INVALID', {
      message: `--contains is not JSON: ${String(cause)}`,
      field: 'contains',
      cause,
    })
  }
}

function print({ terminal }: Context, event: StoredEvent | TailedEvent): void {
  const { dim, bold } = terminal.colors
  terminal.result(event, () =>
    [
      dim(event.occurredAt.toISOString()),
      bold(event.type),
      ...[event.correlationId, event.agentId, event.source].filter((label) => label !== null),
      JSON.stringify(event.payload).slice(0, 200),
    ].join('  '),
  )
}
