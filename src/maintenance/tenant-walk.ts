import { ENTER } from '../database/database.js'
import { type Statement, statement } from '../database/statement.js'
import { isFleetError } from '../errors.js'
import { BatchSize } from './batch-size.js'
import type { ServiceContext } from './service.js'

/** What one batch of a step did. */
export interface StepOutcome {
  readonly counts: Readonly<Record<string, number>>
  /** Whether the tenant has more of it. */
  readonly more: boolean
  /** Where the step goes on; given back to `values`. */
  readonly place?: unknown
}

/** A statement that is repeated for a tenant until there is nothing left to do. */
export interface TenantStep<Row = unknown> {
  readonly statement: Statement<Row>
  /** Runs as pgfleet_operator, outside the tenant. @default false: inside it, as the app does */
  readonly asOperator?: boolean
  /** The values of a batch of at most so many rows. */
  values(tenant: string, rows: number, place: unknown): readonly unknown[]
  read(rows: readonly Row[], asked: number): StepOutcome
}

/** How tenants are visited. */
export interface WalkOptions {
  /** Most rows of a batch. */
  readonly rowsMax: number
  /** Most batches of a step for one tenant in a run; what is left is done by the next. */
  readonly batchesMax: number
  /** The steps remove rows: not those of a tenant under a legal hold. */
  readonly removes: boolean
}

const LIST = statement<{ tenant_id: string }>(
  'platform.list_maintained_tenants',
  'select t.tenant_id from platform.list_maintained_tenants($1::text, $2::integer) t',
)
const MAY_RETIRE = statement<{ may: boolean }>('platform.may_retire', 'select platform.may_retire($1::text) as may')

export const TENANT_WALK_STATEMENTS: readonly Statement<unknown>[] = [LIST, MAY_RETIRE]

/** Tenants that are visited in turns. */
const PAGE = 100

/** A step as the walk knows it, whatever its rows. */
export function tenantStep<Row>(step: TenantStep<Row>): TenantStep {
  return step as unknown as TenantStep
}

/**
 * Does the steps for every tenant, beginning behind the position where the last run ran out of time and coming round to it.
 * The tenants of a page take turns, a batch each, so that a large one does not keep the others waiting. A tenant for whom a
 * step fails is reported, and the others go on. A dry run does one batch of each step, and rolls it back.
 */
export async function walkTenants(
  context: ServiceContext,
  steps: readonly TenantStep[],
  options: WalkOptions,
): Promise<void> {
  const begin = context.position ?? ''
  let after = begin
  let isRound = begin === ''
  const sizes = steps.map(() => new BatchSize(options.rowsMax))
  for (;;) {
    const page = (await context.query(LIST, [after, PAGE])).map((row) => row.tenant_id)
    const members = isRound && begin !== '' ? page.filter((tenant) => tenant <= begin) : page
    await visit(context, members, steps, sizes, options)
    const isLast = page.length < PAGE || members.length < page.length
    if (isLast && isRound) break
    after = isLast ? '' : (page.at(-1) ?? '')
    isRound ||= isLast
    await context.note(after === '' ? undefined : after)
    if (context.isOver()) return context.report.leaveSome()
  }
  await context.note(undefined)
}

interface Visit {
  readonly tenant: string
  step: number
  batches: number
  place: unknown
}

async function visit(
  context: ServiceContext,
  tenants: readonly string[],
  steps: readonly TenantStep[],
  sizes: readonly BatchSize[],
  options: WalkOptions,
): Promise<void> {
  let waiting: Visit[] = tenants.map((tenant) => ({ tenant, step: 0, batches: 0, place: undefined }))
  while (waiting.length > 0) {
    const next: Visit[] = []
    for (const one of waiting) {
      const [step, size] = [steps[one.step], sizes[one.step]]
      if (step === undefined || size === undefined) continue
      const outcome = await context.attempt(`tenant ${one.tenant}`, () => batchOf(context, one, step, size, options))
      if (outcome === 'held') {
        context.report.item({ action: 'held', object: `tenant ${one.tenant}`, note: 'a legal hold keeps its rows' })
        continue
      }
      if (outcome !== undefined) context.report.count(outcome.counts)
      one.batches += 1
      one.place = outcome?.place
      const isDone = outcome === undefined || !outcome.more || context.dryRun
      // A run whose time is over ends the step of each tenant with this batch.
      if (!isDone && (one.batches >= options.batchesMax || context.isOver())) context.report.leaveSome()
      else if (!isDone) {
        next.push(one)
        continue
      }
      next.push({ tenant: one.tenant, step: one.step + 1, batches: 0, place: undefined })
    }
    waiting = next
  }
}

/** One batch; smaller ones when it takes too long. */
async function batchOf(
  context: ServiceContext,
  { tenant, place }: Visit,
  step: TenantStep,
  size: BatchSize,
  { removes }: WalkOptions,
): Promise<StepOutcome | 'held'> {
  for (;;) {
    const { rows: asked } = size
    try {
      const outcome = await context.batch(async (run) => {
        if (removes) {
          const [row] = await run(MAY_RETIRE, [tenant])
          if (!row?.may) return 'held' as const
        }
        if (!step.asOperator) await run(ENTER, [tenant])
        return step.read(await run(step.statement, step.values(tenant, asked, place)), asked)
      })
      size.grow()
      return outcome
    } catch (error) {
      if (!isFleetError(error, 'TIMEOUT') || !size.shrink()) throw error
    }
  }
}
