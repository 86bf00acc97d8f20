import { type Command, Option } from 'commander'
import { FleetError } from '../../errors.js'
import { AUDIT_ACTIONS, type AuditAction, type AuditEntry } from '../../stores/delivery/audit/audit-entry.js'
import type { SealHead } from '../../stores/delivery/index.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { wholeNumber } from '../numbers.js'
import { time } from '../times.js'
import { assertThere } from '../where.js'

interface ListOptions {
  readonly tenant: string
  readonly entity?: string
  readonly actor?: string
  readonly correlation?: string
  readonly action?: AuditAction
  readonly from?: Date
  readonly to?: Date
  readonly oldestFirst?: boolean
  readonly limit?: number
}

interface VerifyOptions {
  readonly tenant: string
  readonly head?: string
}

/** `pgfleet audit`: reads the audit log, seals and verifies it. */
export function addAudit(program: Command, shell: Shell): void {
  const command = program
    .command('audit')
    .description('read the audit log, seal it, verify it')
    .addHelpText(
      'after',
      `
A head is what seal and verify print: keep it elsewhere, and verify later that the chain still contains it.

Examples:
  pgfleet audit list --tenant acme --entity workflow:0192f0c1-7a5e-7000-8000-000000000001
  pgfleet audit list --tenant acme --actor ada --from 7d --json
  pgfleet audit seal --tenant acme
  pgfleet audit verify --tenant acme --head 42:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`,
    )
  command
    .command('list')
    .description('print the entries that match, newest first')
    .requiredOption('--tenant <id>', 'whose entries')
    .option('--entity <type[:id]>', 'of this kind of entity, or of this one')
    .option('--actor <id>', 'of this actor')
    .option('--correlation <id>', 'of this correlation id')
    .addOption(new Option('--action <action>', 'of this action').choices(AUDIT_ACTIONS))
    .option('--from <time>', 'at this time or later: 2026-01-31T12:00:00Z, 15m, 2h, 7d', time)
    .option('--to <time>', 'before this time', time)
    .option('--oldest-first', 'print the oldest first')
    .option('--limit <count>', 'most entries', wholeNumber(1), 100)
    .action(action(shell, list))
  command
    .command('seal')
    .description('seal all entries that can be')
    .requiredOption('--tenant <id>', 'whose entries')
    .action(action(shell, seal))
  command
    .command('verify')
    .description('compare the log with its seals; exit with 1 when an entry does not hold')
    .requiredOption('--tenant <id>', 'whose entries')
    .option('--head <seal:hash>', 'a head that was kept elsewhere: the chain has to contain it')
    .action(action(shell, verify))
}

async function list(context: Context, options: ListOptions) {
  const { entity, actor, correlation, action, from, to, oldestFirst, limit = 100 } = options
  const [entityType, entityId] = entity === undefined ? [] : [entity.split(':', 1)[0], /:(.*)$/s.exec(entity)?.[1]]
  const wanted = {
    ...(entityType === undefined ? {} : { entityType }),
    ...(entityId === undefined ? {} : { entityId }),
    ...(actor === undefined ? {} : { actor: { id: actor } }),
    ...(correlation === undefined ? {} : { correlationId: correlation }),
    ...(action === undefined ? {} : { action }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    order: oldestFirst ? ('asc' as const) : ('desc' as const),
  }
  assertThere(context.where)
  await context.withFleet(async (fleet) => {
    const { audit } = fleet.tenant(options.tenant).delivery
    let left = limit
    let after: string | undefined
    do {
      const page = await audit.list(
        { ...wanted, limit: Math.min(left, 1000), ...(after === undefined ? {} : { after }) },
        { signal: context.signal },
      )
      for (const entry of page.entries) print(context, entry)
      left -= page.entries.length
      after = page.next
    } while (after !== undefined && left > 0)
  })
  return EXIT.ok
}

async function seal(context: Context, { tenant }: { tenant: string }) {
  assertThere(context.where)
  await context.withFleet(async (fleet) => {
    const { audit } = fleet.tenant(tenant).delivery
    let sealed = 0
    for (;;) {
      const step = await audit.seal({ signal: context.signal })
      sealed += step.sealed
      if (step.more) continue
      context.terminal.result({ sealed, head: step.head ?? null }, () =>
        [`${sealed} entries sealed`, ...headOf(step.head)].join('\n'),
      )
      return
    }
  })
  return EXIT.ok
}

async function verify(context: Context, { tenant, head }: VerifyOptions) {
  const expected = head === undefined ? undefined : parseHead(head)
  assertThere(context.where)
  return await context.withFleet(async (fleet) => {
    const found = await fleet
      .tenant(tenant)
      .delivery.audit.verify({ signal: context.signal, ...(expected && { expected }) })
    const { breach } = found
    context.terminal.result(found, () =>
      [
        breach === undefined
          ? `${found.entries} entries hold, in ${found.seals} seals; ${found.retired} have retired, ${found.unsealed} are not sealed yet`
          : `${breach.problem}: ${breach.entryId === undefined ? 'the seal itself' : `entry ${breach.entryId}`}, at seal ${breach.seal}`,
        ...headOf(found.head),
      ].join('\n'),
    )
    return found.intact ? EXIT.ok : EXIT.failed
  })
}

const headOf = (head: SealHead | undefined) => (head === undefined ? [] : [`head ${head.seal}:${head.hash}`])

function parseHead(text: string): SealHead {
  const [, seal, hash] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(text) ?? []
  if (seal !== undefined && hash !== undefined) return { seal: Number(seal), hash }
  throw new FleetError('INPUT_INVALID', {
    message: '--head is not a number, a colon and 64 hexadecimal digits',
    field: 'head',
  })
}

function print({ terminal }: Context, entry: AuditEntry): void {
  const { dim, bold } = terminal.colors
  terminal.result(entry, () =>
    [
      dim(entry.recordedAt.toISOString()),
      bold(entry.action),
      `${entry.entityType}:${entry.entityId}`,
      ...(entry.result === 'success' ? [] : [entry.result]),
      ...(entry.actor === undefined ? [] : [`${entry.actor.type}:${entry.actor.id}`]),
      ...(entry.correlationId === undefined ? [] : [entry.correlationId]),
      JSON.stringify(entry.changes).slice(0, 200),
    ].join('  '),
  )
}
