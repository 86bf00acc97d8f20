import type { Command } from 'commander'
import { type SchemaStatus, schemaStatus } from '../../database/migrate.js'
import { FleetError, isFleetError } from '../../errors.js'
import type { Fleet } from '../../fleet.js'
import type { LearningStatistics } from '../../stores/learning/index.js'
import { COUNTED_RESOURCES, RESOURCES, type TenantRecord } from '../../tenants.js'
import { action, type Context, type Shell } from '../context.js'
import { EXIT } from '../failure.js'
import { bytes, count, decimal, percent } from '../figures.js'
import { type Inspection, inspect } from '../inspection.js'
import { wholeNumber } from '../numbers.js'
import { assertThere, describeWhere } from '../where.js'
import { formatSchema } from './migrate.js'
import { allTenants, quotaCell } from './tenant.js'

interface StatusOptions {
  readonly tenant?: string
  readonly hours: number
}

interface Status extends Inspection {
  readonly database: string
  readonly schema: SchemaStatus
  /** Null for a login that may not list them. */
  readonly tenants: readonly TenantRecord[] | null
  readonly learning: readonly ({ readonly tenant: string } & LearningStatistics)[]
}

/** Statistics read every row of a tenant; beyond this many tenants the others are left out. */
const TENANTS_MAX = 20

/** `pgfleet status`: what is there, in which state, and how large. Changes nothing. */
export function addStatus(program: Command, shell: Shell): void {
  program
    .command('status')
    .description('show schema, engine, tenants, table sizes and what was learned; changes nothing')
    .option('--tenant <id>', `the statistics of this tenant only; without it of the first ${TENANTS_MAX}`)
    .option('--hours <hours>', 'how far back trajectories count', wholeNumber(1, 100_000), 24)
    .action(action(shell, status))
}

async function status(context: Context, options: StatusOptions) {
  const { where, terminal } = context
  assertThere(where)
  try {
    const found = await context.withFleet((fleet) => read(context, fleet, options), { migrate: false })
    terminal.result(found, () => format(context, found, options))
    return EXIT.ok
  } catch (error) {
    if (!isFleetError(error, 'SCHEMA_MISSING')) throw error
    // Not up to date: then there is only that to tell.
    const schema = await context.withDatabase(schemaStatus)
    terminal.result({ database: describeWhere(where), schema }, () => formatSchema(context, schema))
    return EXIT.failed
  }
}

async function read(context: Context, fleet: Fleet, { tenant, hours }: StatusOptions): Promise<Status> {
  const schema = await schemaStatus(fleet.database)
  const inspection = await inspect(fleet.database)
  const tenants = await allTenants(fleet).catch((error: unknown) => {
    if (isFleetError(error, 'PERMISSION_DENIED')) return null
    throw error
  })
  if (tenant !== undefined && tenants !== null && !tenants.some((one) => one.id === tenant)) {
    throw new FleetError('TENANT_UNKNOWN', {
      message: `there is no tenant '${tenant}'`,
      hint: 'List them with `pgfleet tenant list`.',
    })
  }
  const learning = []
  for (const id of tenant === undefined ? (tenants ?? []).slice(0, TENANTS_MAX).map((one) => one.id) : [tenant]) {
    if (context.signal.aborted) throw new FleetError('ABORTED', { message: 'interrupted' })
    learning.push({ tenant: id, ...(await fleet.tenant(id).learning.reports.statistics(hours)) })
  }
  return { database: describeWhere(context.where), schema, ...inspection, tenants, learning }
}

function format(context: Context, status: Status, { hours, tenant }: StatusOptions): string {
  const { terminal } = context
  const { bold, dim } = terminal.colors
  const parts = [
    `${bold(status.engine)}, ${bytes(status.databaseBytes)}\n${dim(status.database)}`,
    formatSchema(context, status.schema),
    formatTenants(context, status),
    terminal.table(
      ['table', '>partitions', '>size'],
      status.tables.map((table) => [
        table.table,
        table.partitions === 0 ? '' : count(table.partitions),
        bytes(table.bytes),
      ]),
    ),
  ]
  if (status.learning.length > 0) {
    parts.push(bold(`Learning, trajectories of the last ${hours} h`), formatLearning(context, status))
  }
  const left = (status.tenants?.length ?? 0) - status.learning.length
  if (tenant === undefined && left > 0) parts.push(dim(`${left} more tenants: pgfleet status --tenant ID`))
  return parts.join('\n')
}

function formatTenants({ terminal }: Context, { tenants, usage }: Status): string {
  if (tenants === null) return terminal.colors.dim('Tenants: this login may not list them.')
  if (tenants.length === 0) return 'No tenants yet: create one with `pgfleet tenant create ID`, or run `pgfleet demo`.'
  const limited = new Set<string>(tenants.flatMap(({ quotas }) => Object.keys(quotas)))
  const counted = new Set<string>(COUNTED_RESOURCES)
  const shown = RESOURCES.filter((resource) => counted.has(resource) || limited.has(resource))
  const rows = tenants.slice(0, TENANTS_MAX).map((tenant) => [
    tenant.id,
    ...shown.map((resource) => {
      const used = usage.find((one) => one.tenant === tenant.id && one.resource === resource)
      const quota = tenant.quotas[resource]
      if (quota === undefined && !counted.has(resource)) return ''
      return `${used === undefined ? '?' : count(used.rows)}${quota === undefined ? '' : ` of ${quotaCell(quota)}`}`
    }),
  ])
  const table = terminal.table(['rows of tenant', ...shown.map((resource) => `>${resource}`)], rows)
  return rows.some((cells) => cells.some((cell) => cell.startsWith('?')))
    ? `${table}\n${terminal.colors.dim('?: never measured; pgfleet tenant measure ID')}`
    : table
}

function formatLearning({ terminal }: Context, { learning }: Status): string {
  return terminal.table(
    ['tenant', '>Q-values', '>updates', '>trajectories', '>succeeded', '>reward', '>patterns'],
    learning.map((one) => [
      one.tenant,
      count(one.qValues),
      count(one.visits),
      count(one.trajectories),
      percent(one.successRate),
      decimal(one.meanReward),
      count(one.patterns),
    ]),
  )
}
