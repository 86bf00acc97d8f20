import type { Candidate } from './candidates.js'
import { type IndexDefinition, serves, titleOf } from './definition.js'

/** A statement as the selection sees it. */
export interface WeighedStatement {
  /** How often it runs; 1 where nobody knows. */
  readonly calls: number
  /** Whether that is known. */
  readonly isCounted: boolean
  /** What a unit of its cost is worth: time that it took by cost, so that savings of statements can be added up. */
  readonly weight: number
}

/** What a statement costs with some indexes, and which of them it uses. */
export interface StatementCost {
  readonly cost: number
  readonly uses: ReadonlySet<string>
}

/** What the selection asks. */
export interface SelectionModel {
  readonly statements: readonly WeighedStatement[]
  /** The statements that touch the tables of some indexes, by place. */
  affected(indexes: readonly IndexDefinition[]): readonly number[]
  /** What these statements cost with these indexes. */
  costs(indexes: readonly IndexDefinition[], statements: readonly number[]): Promise<readonly StatementCost[]>
  bytes(definition: IndexDefinition): number
  /** What writing pays for it beside those chosen, in the same worth as savings, and as a share of what writing is now. */
  writes(
    definition: IndexDefinition,
    chosen: readonly IndexDefinition[],
  ): { readonly worth: number; readonly increase: number }
  /** True when the time for it is over. */
  isOver(): boolean
}

/** How far the selection may go. */
export interface SelectionLimits {
  /** Bytes of all that is advised. */
  readonly bytes: number
  /** How much more work writing to a table may become. */
  readonly writes: number
  /** How many indexes. */
  readonly indexes: number
}

/** An index that was chosen. */
export interface Chosen {
  readonly definition: IndexDefinition
  readonly bytes: number
  /** Those that are of use only beside it. */
  readonly beside: readonly IndexDefinition[]
  readonly helps: readonly { readonly statement: number; readonly before: number; readonly after: number }[]
  /** What it saves, and what writing pays, in the worth of savings. */
  readonly saved: number
  readonly written: number
}

/** A candidate that helps, and was not chosen. */
export interface Rejected {
  readonly indexes: readonly IndexDefinition[]
  readonly reason: 'size' | 'writes' | 'write budget'
  readonly saved: number
  readonly written: number
}

/** What was chosen, in order. */
export interface Selection {
  readonly chosen: readonly Chosen[]
  readonly rejected: readonly Rejected[]
  /** What each statement costs with all of it. */
  readonly costs: readonly number[]
  /** It ended before every candidate was tried. */
  readonly isCut: boolean
}

/** A cheaper statement than this wants no index. */
const COST_MIN = 100
/** What a statement has to cost less with an index, to be helped. */
const HELPED = 0.5
/** A smaller index is taken for a better one when no statement costs so many times what the better one leaves. */
const NEARLY = 1.5
/** The same of one that is a quarter of its size or less: partial indexes, whose costs the planner takes for higher than they are. */
const NEARLY_BUT_SMALL = 2.5
const SMALL = 0.25

interface Tried {
  readonly candidate: Candidate
  readonly after: ReadonlyMap<number, StatementCost>
  readonly saved: number
  readonly written: number
  readonly bytes: number
  readonly increase: number
  readonly helps: Chosen['helps']
}

/**
 * Chooses the index that saves most beyond what writing pays for it, then the next beside it, as long as one pays. Of several that do
 * nearly the same the smallest is taken. In the end those go that another chosen one serves.
 */
export async function selectIndexes(
  candidates: readonly Candidate[],
  base: readonly StatementCost[],
  model: SelectionModel,
  limits: SelectionLimits,
): Promise<Selection> {
  const current = [...base]
  const chosen: (Chosen & { readonly group: number })[] = []
  const rejected = new Map<string, Rejected>()
  const tried = new Map<Candidate, Tried | undefined>()
  const open = new Set(candidates)
  let isCut = false
  while (chosen.length < limits.indexes && open.size > 0) {
    const beside = chosen.map(({ definition }) => definition)
    for (const candidate of open) {
      if (tried.has(candidate)) continue
      isCut ||= model.isOver()
      if (isCut) break
      tried.set(candidate, await attempt(candidate, beside, current, model))
    }
    const useful = [...tried.values()].filter((each) => each !== undefined && open.has(each.candidate)) as Tried[]
    const spent = chosen.reduce((sum, { bytes }) => sum + bytes, 0)
    const fitting = useful.filter((each) => {
      const reason =
        each.saved <= each.written
          ? 'writes'
          : spent + each.bytes > limits.bytes
            ? 'size'
            : each.increase > limits.writes
              ? 'write budget'
              : undefined
      const { saved, written } = each
      if (reason !== undefined)
        rejected.set(each.candidate.map(titleOf).join('; '), { indexes: each.candidate, reason, saved, written })
      return reason === undefined
    })
    const [best] = fitting.toSorted((a, b) => b.saved - b.written - (a.saved - a.written))
    if (best === undefined) break
    const taken = smallest(best, fitting)
    open.delete(taken.candidate)
    rejected.delete(taken.candidate.map(titleOf).join('; '))
    for (const [n, cost] of taken.after) current[n] = cost
    for (const definition of taken.candidate) {
      chosen.push({
        definition,
        group: chosen.length,
        bytes: model.bytes(definition),
        beside: taken.candidate.filter((each) => each !== definition),
        helps: taken.helps,
        saved: taken.saved,
        written: taken.written,
      })
    }
    // Only what shares a statement with it is worth another look.
    for (const [candidate, each] of tried)
      if (model.affected(candidate).some((n) => taken.after.has(n))) tried.delete(each?.candidate ?? candidate)
    for (const each of open)
      if (each.every((one) => chosen.some(({ definition }) => serves(definition, one)))) open.delete(each)
    if (isCut) break
  }
  const kept = await prune(chosen, base, current, model)
  const titles = new Set(kept.chosen.map(({ definition }) => titleOf(definition)))
  return {
    ...kept,
    rejected: [...rejected.values()]
      .filter(
        ({ indexes }) =>
          !indexes.every((one) =>
            kept.chosen.some(({ definition }) => titles.has(titleOf(one)) || serves(definition, one)),
          ),
      )
      .sort((a, b) => b.saved - a.saved),
    isCut,
  }
}

async function attempt(
  candidate: Candidate,
  beside: readonly IndexDefinition[],
  current: readonly StatementCost[],
  model: SelectionModel,
): Promise<Tried | undefined> {
  const places = model.affected(candidate)
  const costs = await model.costs([...beside, ...candidate], places)
  const after = new Map(places.map((n, at) => [n, costs[at] as StatementCost]))
  const titles = candidate.map(titleOf)
  let saved = 0
  const helps: Chosen['helps'][number][] = []
  for (const [statement, { cost, uses }] of after) {
    const before = current[statement]?.cost ?? cost
    saved += (before - cost) * (model.statements[statement]?.weight ?? 0)
    if (before >= COST_MIN && cost <= HELPED * before && titles.every((title) => uses.has(title)))
      helps.push({ statement, before, after: cost })
  }
  if (helps.length === 0) return undefined
  const writes = candidate.map((each) => model.writes(each, beside))
  return {
    candidate,
    after,
    saved,
    written: writes.reduce((sum, { worth }) => sum + worth, 0),
    increase: Math.max(...writes.map(({ increase }) => increase)),
    bytes: candidate.reduce((sum, each) => sum + model.bytes(each), 0),
    helps: helps.toSorted(
      (a, b) =>
        (b.before - b.after) * (model.statements[b.statement]?.weight ?? 0) -
        (a.before - a.after) * (model.statements[a.statement]?.weight ?? 0),
    ),
  }
}

/** The smallest that leaves no statement much dearer than the best does. */
function smallest(best: Tried, others: readonly Tried[]): Tried {
  const nearly = others.filter(({ after, candidate, bytes }) => {
    const allowed = bytes <= SMALL * best.bytes ? NEARLY_BUT_SMALL : NEARLY
    const isSameTable = candidate.every(
      (each) => each.table === best.candidate[0]?.table && each.schema === best.candidate[0]?.schema,
    )
    return (
      isSameTable &&
      [...best.after].every(([n, { cost }]) => (after.get(n)?.cost ?? Number.POSITIVE_INFINITY) <= allowed * cost)
    )
  })
  return nearly.reduce((a, b) => (b.bytes < a.bytes || (b.bytes === a.bytes && keys(b) < keys(a)) ? b : a), best)
}

const keys = ({ candidate }: Tried) =>
  candidate.reduce((sum, { keys: each, include }) => sum + each.length + include.length, 0)

/** Takes back what the others make needless: the last one may do all that the first was chosen for. */
async function prune(
  chosen: readonly Chosen[],
  base: readonly StatementCost[],
  current: readonly StatementCost[],
  model: SelectionModel,
): Promise<Pick<Selection, 'chosen' | 'costs'>> {
  let kept = [...chosen]
  let costs = [...current]
  for (const each of chosen) {
    if (kept.length < 2 || model.isOver()) break
    const rest = kept.filter((other) => other !== each && !other.beside.includes(each.definition))
    const places = model.affected([each.definition])
    const without = await model.costs(
      rest.map(({ definition }) => definition),
      places,
    )
    const isNeedless = places.every((n, at) => {
      const [now, then] = [costs[n]?.cost ?? 0, without[at]?.cost ?? 0]
      return then <= now * 1.1 || then < COST_MIN
    })
    if (!isNeedless) continue
    kept = rest
    costs = costs.map((cost, n) => without[places.indexOf(n)] ?? cost)
  }
  const final = kept.map((each) => {
    const title = titleOf(each.definition)
    // What it helps is told against what there is today, by what is chosen in the end.
    const helps = base.flatMap(({ cost: before }, statement) => {
      const { cost: after, uses } = costs[statement] ?? { cost: before, uses: new Set() }
      return uses.has(title) && after < before ? [{ statement, before, after }] : []
    })
    return helps.length === 0
      ? each
      : { ...each, helps: helps.toSorted((a, b) => b.before / b.after - a.before / a.after) }
  })
  return { chosen: final, costs: costs.map(({ cost }) => cost) }
}
