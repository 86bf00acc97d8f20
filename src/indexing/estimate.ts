import type { Column, Table } from './catalog.js'
import type { Condition } from './condition.js'
import { canonical, type IndexDefinition, keyText, tableName } from './definition.js'
import type { StatementDemand } from './demand.js'
import { nodesBelow, type PlanNode, type Planned } from './planner.js'

/** What a row costs that is fetched by an index, and a descent into one, in units of the planner. */
const FETCH_COST = 2
const DESCENT_COST = 10
/** The share of rows that a range or an expression is taken to meet, where nobody knows. */
const RANGE_SHARE = 1 / 3
const PREFIX_SHARE = 0.01
const EXPRESSION_SHARE = 0.005
/** Rows that LIMIT is taken to want. */
const LIMIT_ROWS = 100

/**
 * What a statement would cost with an index, by statistics alone: the scan of the table in its plan is replaced by one of the index,
 * where that is cheaper. Joins are not estimated: they read an index once a row of the other side, which statistics of columns do
 * not tell.
 */
export function estimate(
  planned: Planned,
  demand: StatementDemand,
  indexes: readonly { definition: IndexDefinition; title: string }[],
): Planned {
  let { cost } = planned
  const uses = new Set(planned.uses)
  const scans = nodesBelow(planned.plan).filter((node) => /^(Seq|Index|Bitmap Heap) Scan$/.test(node['Node Type']))
  for (const node of scans) {
    const best = indexes
      .filter(({ definition }) => isOf(node, definition, demand))
      .map((each) => {
        // Of a partitioned table each partition is a scan, with its part of the rows.
        const all = scans.filter((other) => isOf(other, each.definition, demand))
        const part = node['Total Cost'] / all.reduce((sum, other) => sum + other['Total Cost'], 0)
        return { ...each, cost: scanCost(each.definition, demand, isPartition(node, each.definition) ? part : 1) }
      })
      .filter((each) => each.cost !== undefined && each.cost < node['Total Cost'])
      .sort((a, b) => (a.cost ?? 0) - (b.cost ?? 0))[0]
    if (best === undefined) continue
    cost -= node['Total Cost'] - (best.cost ?? 0)
    uses.add(best.title)
  }
  return { cost: Math.max(cost, DESCENT_COST), uses, plan: planned.plan }
}

/** A scan of the table, or of one of its partitions. */
const isOf = (node: PlanNode, definition: IndexDefinition, { tables }: StatementDemand) =>
  [{ schema: definition.schema, name: definition.table }]
    .concat([...tables].find((table) => isOn(table, definition))?.leaves ?? [])
    .some(({ schema, name }) => node['Relation Name'] === name && (node.Schema ?? schema) === schema)

const isPartition = (node: PlanNode, { table }: IndexDefinition) => node['Relation Name'] !== table

/** What the cheapest of the statement's queries pays on that part of the table; undefined when the index answers none. */
function scanCost(definition: IndexDefinition, { demands }: StatementDemand, part: number): number | undefined {
  const costs = demands
    .filter(({ table }) => `${table.schema}.${table.name}` === `${definition.schema}.${definition.table}`)
    .flatMap(({ table, conditions, sort, isLimited }) => {
      let share = 1
      let at = 0
      if (definition.predicate !== undefined) {
        const limits = conditions.filter(({ constant }) => definition.predicate?.text.includes(constant?.text ?? '\0'))
        if (limits.length === 0) return []
        share *= Math.min(...limits.map(({ constant }) => constant?.share ?? 1))
      }
      for (const key of definition.keys) {
        const met = conditions.find(
          ({ key: other, comparison }) => other.text === key.text && comparison !== 'contains',
        )
        if (met === undefined || met.comparison === 'join') break
        share *= shareOf(met, table)
        at++
        if (met.comparison === 'range' || met.comparison === 'prefix') break
      }
      const rest = canonical(definition.keys.slice(at)).map(keyText)
      const isOrdered = sort.length > 0 && canonical(sort).every((key, n) => rest[n] === keyText(key))
      if (at === 0 && definition.predicate === undefined && !(isOrdered && isLimited)) return []
      const rows = table.rows * share * part
      return [DESCENT_COST + FETCH_COST * (isOrdered && isLimited ? Math.min(rows, LIMIT_ROWS) : rows)]
    })
  return costs.length === 0 ? undefined : Math.min(...costs)
}

function shareOf({ comparison, column, constant }: Condition, { rows }: Table): number {
  if (comparison === 'range') return RANGE_SHARE
  if (comparison === 'prefix') return PREFIX_SHARE
  if (constant !== undefined) return constant.share
  const distinct = column?.distinct
  if (distinct === undefined)
    return column === undefined ? EXPRESSION_SHARE : Math.max(1 / Math.max(rows, 1), EXPRESSION_SHARE)
  return ((1 - (column?.nullShare ?? 0)) / Math.max(distinct, 1)) * (comparison === 'list' ? 5 : 1)
}

/** Bytes of an index, by the widths of its columns: pages of B-trees are filled to nine tenths. */
export function estimateBytes(definition: IndexDefinition, table: Table): number {
  const width = (column: Column | undefined) => Math.ceil((column?.width ?? 32) / 8) * 8
  const names = [...definition.keys.flatMap(({ columns }) => columns), ...definition.include]
  const entry = 20 + names.reduce((sum, name) => sum + width(table.columns.get(name)), 0)
  const kept = definition.predicate === undefined ? 1 : 0.3
  return Math.max(8192, Math.ceil((table.rows * kept * entry) / 0.9))
}

/** The table of a definition. */
export const isOn = ({ schema, name }: Table, definition: IndexDefinition) =>
  tableName(definition) === tableName({ schema, table: name })
