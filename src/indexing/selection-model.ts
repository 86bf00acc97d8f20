import type { Catalog, Table } from './catalog.js'
import { type IndexDefinition, titleOf } from './definition.js'
import type { PlannedStatement } from './drops.js'
import { estimate, estimateBytes, isOn } from './estimate.js'
import { isPlanned, type Planner } from './planner.js'
import type { SelectionModel, StatementCost } from './selection.js'
import type { WriteLoad } from './write-load.js'

/** What the selection of a real workload stands on. */
export interface ModelContent {
  readonly planned: readonly PlannedStatement[]
  readonly catalog: Catalog
  readonly planner: Planner
  readonly writeLoad: WriteLoad
  /** When no further candidate is tried, by performance.now(). */
  readonly until: number
}

/** A model that asks the planner with imagined indexes, or statistics where none can be imagined. */
export function createModel({ planned, catalog, planner, writeLoad, until }: ModelContent): SelectionModel {
  const known = planned.filter(({ statement }) => statement.milliseconds !== undefined && statement.calls !== undefined)
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0)
  const cost = sum(known.map(({ statement, planned: { cost: each } }) => (statement.calls ?? 0) * each))
  // Milliseconds that a unit of the planner's cost takes here; 1 where no time is known, and worth is cost then.
  const unit = cost === 0 ? 1 : sum(known.map(({ statement }) => statement.milliseconds ?? 0)) / cost
  const isCounted = planned.some(({ statement }) => statement.calls !== undefined && statement.foreignKey === undefined)
  const tableOf = (definition: IndexDefinition): Table => {
    const found = catalog.tables.find((table) => isOn(table, definition))
    if (found === undefined) throw new Error(`no table for ${titleOf(definition)}`)
    return found
  }
  return {
    statements: planned.map(({ statement: { calls, milliseconds }, planned: { cost: each } }) => ({
      calls: calls ?? 1,
      isCounted: calls !== undefined,
      weight: milliseconds === undefined ? (calls ?? 1) * unit : milliseconds / Math.max(each, 1e-9),
    })),
    affected(indexes) {
      const tables = new Set(indexes.map(tableOf))
      return planned.flatMap(({ demand }, n) => ([...demand.tables].some((table) => tables.has(table)) ? [n] : []))
    },
    async costs(indexes, statements) {
      const chosen = statements.flatMap((n) => planned[n] ?? [])
      if (planner.imagines) {
        const plans = await planner.plan(
          chosen.map(({ statement }) => statement),
          { indexes },
        )
        return plans.map((plan, n): StatementCost => (isPlanned(plan) ? plan : (chosen[n] as PlannedStatement).planned))
      }
      const titled = indexes.map((definition) => ({ definition, title: titleOf(definition) }))
      return chosen.map(({ planned: plan, demand }) => estimate(plan, demand, titled))
    },
    bytes: (definition) => planner.bytesOf(definition) ?? estimateBytes(definition, tableOf(definition)),
    writes(definition, chosen) {
      const { cost: written, increase } = writeLoad.costOf(definition, tableOf(definition), chosen)
      // A file that does not tell how often its statements run cannot be held against writes.
      return isCounted ? { worth: written * unit, increase } : { worth: 0, increase }
    },
    isOver: () => performance.now() > until,
  }
}
