import { FleetError } from '../../errors.js'
import type { Plan, Trigger } from '../plan.js'
import { build, type Draft } from './builder.js'

type Members = Readonly<Record<string, unknown>>

/** Members that become fields of a node, or that the text format has no word for. */
const FIELDS: ReadonlySet<string> = new Set([
  'Node Type',
  'Plans',
  'Relation Name',
  'Schema',
  'Alias',
  'Index Name',
  'Join Type',
  'Strategy',
  'Partial Mode',
  'Operation',
  'Command',
  'Subplan Name',
  'Parallel Aware',
  'Async Capable',
  'Parent Relationship',
  'Scan Direction',
  'Startup Cost',
  'Total Cost',
  'Plan Rows',
  'Plan Width',
  'Actual Startup Time',
  'Actual Total Time',
  'Actual Rows',
  'Actual Loops',
  'CTE Name',
  'Function Name',
  'Table Function Name',
  'Tuplestore Name',
  'Custom Plan Provider',
  'Workers',
  'Grouping Sets',
  'Target Tables',
  'Sampling Method',
  'Sampling Parameters',
  'Repeatable Seed',
])

/** Reads EXPLAIN (FORMAT JSON). Errors: INPUT_INVALID for what is no plan. */
export function readJson(value: unknown, query?: string): Plan {
  const [first] = Array.isArray(value) ? value : [value]
  const top = members(first)
  const plan = members(top?.Plan)
  if (top === undefined || plan === undefined) throw noPlan('the JSON has no member "Plan"')
  const jit = members(members(top.JIT)?.Timing)
  return {
    root: build(draftOf(plan, 0)),
    planningMs: number(top['Planning Time']),
    executionMs: number(top['Execution Time']),
    jitMs: number(jit?.Total),
    triggers: list(top.Triggers).map(triggerOf),
    settings: new Map(Object.entries(members(top.Settings) ?? {}).map(([name, setting]) => [name, String(setting)])),
    query: typeof top['Query Text'] === 'string' ? top['Query Text'] : query,
  }
}

/** The error for a text that is no plan, or not the whole of one. */
export function noPlan(message: string): FleetError {
  return new FleetError('INPUT_INVALID', {
    message,
    field: 'plan',
    hint: 'Give the whole output of EXPLAIN, best of EXPLAIN (ANALYZE, BUFFERS, SETTINGS, FORMAT JSON).',
  })
}

/** Deeper plans are no plans. */
const DEPTH_MAX = 500

function draftOf(plan: Members, depth: number): Draft {
  if (depth > DEPTH_MAX) throw noPlan(`the plan is nested more than ${DEPTH_MAX} deep`)
  const type = string(plan['Node Type'])
  if (type === undefined) throw noPlan('a node of the plan has no "Node Type"')
  const loops = number(plan['Actual Loops'])
  const mode = string(plan['Partial Mode'])
  const details = new Map<string, string | number>()
  for (const [name, value] of Object.entries(plan)) {
    if (!FIELDS.has(name)) addDetail(details, name, value)
  }
  if (plan['Sampling Method'] !== undefined) {
    const repeatable = plan['Repeatable Seed'] === undefined ? '' : ` REPEATABLE (${String(plan['Repeatable Seed'])})`
    details.set(
      'Sampling',
      `${String(plan['Sampling Method'])} (${list(plan['Sampling Parameters']).join(', ')})${repeatable}`,
    )
  }
  return {
    type,
    relation: string(plan['Relation Name']),
    schema: string(plan.Schema),
    alias: string(plan.Alias),
    index: string(plan['Index Name']),
    joinType: string(plan['Join Type']),
    strategy: string(plan.Strategy),
    partialMode: mode === 'Simple' ? undefined : mode,
    operation: string(plan.Operation ?? plan.Command),
    subplan: string(plan['Subplan Name']),
    isParallel: plan['Parallel Aware'] === true,
    isBackward: plan['Scan Direction'] === 'Backward',
    startupCost: number(plan['Startup Cost']),
    totalCost: number(plan['Total Cost']),
    planRows: number(plan['Plan Rows']),
    planWidth: number(plan['Plan Width']),
    actual:
      loops === undefined || loops === 0
        ? undefined
        : {
            startupMs: number(plan['Actual Startup Time']),
            totalMs: number(plan['Actual Total Time']),
            rows: number(plan['Actual Rows']) ?? 0,
            loops,
          },
    isNeverExecuted: loops === 0,
    details,
    children: list(plan.Plans).map((child) => {
      const inner = members(child)
      if (inner === undefined) throw noPlan('a child of the plan is no object')
      return draftOf(inner, depth + 1)
    }),
  }
}

function addDetail(details: Map<string, string | number>, name: string, value: unknown): void {
  if (typeof value === 'number' || typeof value === 'string') details.set(name, value)
  else if (value === true) details.set(name, 'true')
  else if (Array.isArray(value) && value.every((each) => typeof each === 'string')) details.set(name, value.join(', '))
  else if (/-sort Groups$/.test(name)) details.set(name, number(members(value)?.['Group Count']) ?? 0)
}

function triggerOf(value: unknown): Trigger {
  const trigger = members(value) ?? {}
  const constraint = string(trigger['Constraint Name'])
  return {
    name: constraint === undefined ? (string(trigger['Trigger Name']) ?? '') : `for constraint ${constraint}`,
    ms: number(trigger.Time) ?? 0,
    calls: number(trigger.Calls) ?? 0,
  }
}

const members = (value: unknown): Members | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Members) : undefined
const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [])
const string = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined)
