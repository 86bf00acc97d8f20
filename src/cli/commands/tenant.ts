import type { Command } from 'commander'
import { FleetError } from '../../errors.js'
import type { Fleet } from '../../fleet.js'
import { type Quotas, RESOURCES, type Resource, type TenantRecord } from '../../tenants.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { count, minute } from '../figures.js'
import { limit } from '../numbers.js'
import { addErasures } from './erasures.js'
import { addLegalHolds } from './legal-holds.js'
import { addTransfers } from './transfers.js'

interface QuotaOptions {
  readonly qValues?: number
  readonly trajectories?: number
  readonly patterns?: number
  readonly sessions?: number
  readonly artifacts?: number
  readonly artifactBytes?: number
  readonly vectors?: number
  readonly entities?: number
  readonly events?: number
  readonly hookExecutions?: number
  readonly keyValues?: number
  readonly workflows?: number
}

/** `pgfleet tenant`: creates, lists, limits, measures, holds, moves and erases tenants. */
export function addTenant(program: Command, shell: Shell): void {
  const command = program
    .command('tenant')
    .description('create, list, limit, measure, hold, move and erase tenants')
    .addHelpText(
      'after',
      `
Examples:
  pgfleet tenant create acme --name 'Acme Inc.' --q-values 1000000
  pgfleet tenant quota acme --trajectories none
  pgfleet tenant measure acme
  pgfleet tenant erase acme --reason 'contract ended' --by operations`,
    )
  withQuotas(command.command('create <id>').description('create a tenant with the default agent types'))
    .option('--name <text>', 'a name for people')
    .option('--if-not-exists', 'do nothing when it is there')
    .option('--reuse', 'also when a tenant of that id was erased')
    .action(action(shell, create))
  command.command('list').description('list all tenants').action(action(shell, list))
  withQuotas(command.command('quota <id>').description("show a tenant's quotas, or change those given")).action(
    action(shell, quota),
  )
  command
    .command('measure <id>')
    .description("count a tenant's rows, against which its quotas are enforced; reads them all")
    .action(action(shell, measure))
  addLegalHolds(command, shell)
  addErasures(command, shell)
  addTransfers(command, shell)
}

function withQuotas(command: Command): Command {
  return command
    .option('--q-values <rows>', 'most Q-values, or none for no limit', limit)
    .option('--trajectories <rows>', 'most trajectories, or none', limit)
    .option('--patterns <rows>', 'most patterns, or none', limit)
    .option('--sessions <rows>', 'most sessions of the memory store, or none', limit)
    .option('--artifacts <rows>', 'most artifacts, or none', limit)
    .option('--artifact-bytes <bytes>', 'most bytes that artifacts are stored in, or none', limit)
    .option('--vectors <rows>', 'most vectors, or none', limit)
    .option('--entities <rows>', 'most entities of the graph, or none', limit)
    .option('--events <rows>', 'most events of the log, or none', limit)
    .option('--hook-executions <rows>', 'most executions of hooks, or none', limit)
    .option('--key-values <rows>', 'most keys of the key-value store, or none', limit)
    .option('--workflows <rows>', 'most workflows, or none', limit)
}

interface CreateOptions extends QuotaOptions {
  readonly name?: string
  readonly ifNotExists?: boolean
  readonly reuse?: boolean
}

async function create({ withFleet, terminal }: Context, options: CreateOptions, id = '') {
  const { name, ifNotExists = false, reuse = false } = options
  const quotas = mergeQuotas({}, options)
  await withFleet((fleet) =>
    fleet.tenants.create({ id, quotas, ...(name === undefined ? {} : { displayName: name }) }, { ifNotExists, reuse }),
  )
  terminal.result({ id, quotas }, () => `Tenant ${id} is there.`)
  return EXIT.ok
}

async function list({ withFleet, terminal }: Context) {
  const tenants = await withFleet(allTenants)
  terminal.result(tenants, () =>
    tenants.length === 0
      ? 'No tenants yet: create one with `pgfleet tenant create ID`.'
      : `Most rows allowed, by tenant:\n${terminal.table(
          ['tenant', 'name', ...limited(tenants).map((resource) => `>${resource}`), 'created'],
          tenants.map((one) => [
            one.id,
            one.displayName ?? '',
            ...limited(tenants).map((resource) => quotaCell(one.quotas[resource])),
            minute(one.createdAt),
          ]),
        )}`,
  )
  return EXIT.ok
}

async function quota({ withFleet, terminal }: Context, options: QuotaOptions, id = '') {
  const quotas = await withFleet(async (fleet) => {
    const found = (await allTenants(fleet)).find((tenant) => tenant.id === id)
    if (found === undefined)
      throw new FleetError('TENANT_UNKNOWN', { message: `there is no tenant '${id}'`, hint: CREATE })
    const quotas = mergeQuotas(found.quotas, options)
    if (isGiven(options)) await fleet.tenants.setQuotas(id, quotas)
    return quotas
  })
  terminal.result({ id, quotas }, () =>
    terminal.table(
      ['resource', '>quota'],
      RESOURCES.map((resource) => [resource, quotaCell(quotas[resource])]),
    ),
  )
  return EXIT.ok
}

async function measure({ withFleet, terminal }: Context, _: object, id = '') {
  const usage = await withFleet((fleet) => fleet.tenants.measure(id))
  terminal.result({ id, usage }, () =>
    terminal.table(
      ['resource', '>rows'],
      usage.map(({ resource, rows }) => [resource, count(rows)]),
    ),
  )
  return EXIT.ok
}

const CREATE = 'Create it first: pgfleet tenant create ID.'
const PAGE = 1000

/** Every tenant by id, read a page at a time. Errors: PERMISSION_DENIED. */
export async function allTenants(fleet: Fleet): Promise<TenantRecord[]> {
  const all: TenantRecord[] = []
  for (;;) {
    const page = await fleet.tenants.list({ after: all.at(-1)?.id ?? '', limit: PAGE })
    all.push(...page)
    if (page.length < PAGE) return all
  }
}

/** The resources of which one of the tenants has a quota: all at once would be a table too wide to read. */
function limited(tenants: readonly TenantRecord[]): readonly Resource[] {
  return RESOURCES.filter((resource) => tenants.some(({ quotas }) => quotas[resource] !== undefined))
}

export function quotaCell(rows: number | undefined): string {
  return rows === undefined ? 'none' : count(rows)
}

/** What was given replaces; infinity takes the limit away. */
function mergeQuotas(quotas: Quotas, options: QuotaOptions): Quotas {
  const given = givenQuotas(options)
  const changed = Object.entries(given).filter(([, rows]) => rows !== undefined)
  // Limits of metadata are not given here, and stay.
  const merged = { ...quotas, ...Object.fromEntries(changed) }
  return Object.fromEntries(Object.entries(merged).filter(([, rows]) => Number.isFinite(rows)))
}

function givenQuotas(options: QuotaOptions): Record<Resource, number | undefined> {
  const { qValues, trajectories, patterns, sessions, artifacts, artifactBytes, vectors, entities, events } = options
  const { hookExecutions, keyValues, workflows } = options
  return {
    q_values: qValues,
    trajectories,
    patterns,
    sessions,
    artifacts,
    artifact_bytes: artifactBytes,
    vectors,
    entities,
    events,
    hook_executions: hookExecutions,
    key_values: keyValues,
    workflows,
  }
}

function isGiven(options: QuotaOptions): boolean {
  return Object.values(givenQuotas(options)).some((rows) => rows !== undefined)
}
