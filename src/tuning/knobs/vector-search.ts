import { FleetError } from '../../errors.js'
import { SEARCH_VECTORS } from '../../stores/memory/vectors/vector-search.js'
import type { Bench, Candidate, Knob, LeftAlone, Target } from '../knob.js'
import { NO_STATISTICS, statementStatistics } from '../role-statements.js'
import { chooseEffort, EFFORTS, MISSED, recallGuard, sampleSearches } from '../search-effort.js'
import { storedRecall } from '../stored-recall.js'

type Accuracy = 'fast' | 'balanced'
type Efforts = Readonly<Record<Accuracy, number>>
const ACCURACIES: readonly Accuracy[] = ['balanced', 'fast']
/** Candidates are set for a table of so many rows, and follow the cube root of what it has (memory.nearest_vectors). */
const ROWS = { usual: 100_000, min: 10_000 }
/** Candidates of ten neighbours and the vector itself: fewer are not looked at. */
const LEAST = 11

const DEFAULTS: Readonly<Record<number, Efforts>> = { 768: { fast: 35, balanced: 70 } }
const DEFAULT: Efforts = { fast: 20, balanced: 40 }

interface Dimension extends Efforts {
  readonly dimensions: number
  /** By the statistics; null: nobody has counted. */
  readonly rows: number | null
  /** Scans of its index. */
  readonly scans: number
  readonly isMarked: boolean
}

/** The store's searches by any login, since the statistics began, by statement. */
interface Searches {
  readonly query: string
  /** Searches that found something. */
  readonly searches: number
  readonly milliseconds: number
}

const DIMENSIONS = `
  select d.dimensions, d.ef_search_fast as fast, d.ef_search_balanced as balanced, nullif(c.reltuples, -1)::float8 as rows,
    coalesce((select s.idx_scan from pg_stat_user_indexes s where s.indexrelid = to_regclass(format('memory.vectors_%s_embedding', d.dimensions))), 0)::float8 as scans,
    coalesce(obj_description(c.oid, 'pg_class') ~* 'pgfleet:\\s*keep', false) as "isMarked"
  from memory.vector_dimensions d join pg_class c on c.oid = to_regclass(format('memory.vectors_%s', d.dimensions))
  where $1::integer is null or d.dimensions = $1::integer`

/** How many candidates the searches of the vectors store look at, by dimension and accuracy. */
export const vectorSearch: Knob = {
  id: 'vector-search',
  title: 'candidates of searches of the vectors store, by dimension and accuracy',
  place: 'server',
  metric:
    "time of the store's searches, as a part of what as many took at first; where too little is found, what is missed",
  guard: 'recall at 10 of stored vectors against the exact order; where too little is found, the time',
  rounds: 2,
  bounds: `${EFFORTS[0]} to ${EFFORTS.at(-1)}, twice the present at most`,
  async look(bench) {
    const schema = await statementStatistics(bench)
    if (schema === undefined) return undefined
    return { dimensions: await dimensionsOf(bench), searches: await searchesOf(bench, schema) }
  },
  async find(bench, since) {
    const schema = await statementStatistics(bench)
    if (since === undefined || schema === undefined)
      return { candidates: [], left: [{ scope: 'vectors', reason: NO_STATISTICS }] }
    const before = since as { dimensions: Dimension[]; searches: Searches[] }
    const grown = (await searchesOf(bench, schema)).flatMap(({ query, searches, milliseconds }) => {
      const old = before.searches.find((one) => one.query === query)
      const more = searches - (old?.searches ?? 0)
      return more > 0 ? [{ query, searches: more, milliseconds: milliseconds - (old?.milliseconds ?? 0) }] : []
    })
    const candidates: Candidate[] = []
    const left: Omit<LeftAlone, 'knob'>[] = []
    const searched = (await dimensionsOf(bench)).map((dimension) => ({
      dimension,
      scans: dimension.scans - (before.dimensions.find((one) => one.dimensions === dimension.dimensions)?.scans ?? 0),
    }))
    const scansOfAll = searched.reduce((sum, { scans }) => sum + Math.max(0, scans), 0)
    for (const { dimension, scans } of searched) {
      if (scans <= 0) continue
      for (const accuracy of ACCURACIES) {
        const found = await candidateOf(bench, dimension, accuracy, scans, scans / scansOfAll, grown)
        if (typeof found === 'string') left.push({ scope: scopeOf(dimension.dimensions, accuracy), reason: found })
        else candidates.push(found)
      }
    }
    return { candidates, left }
  },
  async read(bench, { target, reference }) {
    const { dimensions, accuracy } = storeTarget(target)
    const schema = await statementStatistics(bench)
    if (schema === undefined) throw new Error(NO_STATISTICS)
    const reading = { calls: 0, spent: 0, expected: 0 }
    for (const { query, searches, milliseconds } of await searchesOf(bench, schema)) {
      const cost = reference[`cost:${query}`]
      if (cost === undefined) continue
      reading.calls += searches
      reading.spent += milliseconds
      reading.expected += searches * cost
    }
    if (reference.isRaise !== 1) return reading
    const recall = await recallNow(bench, dimensions, accuracy)
    return { ...reading, missed: 1 - recallGuard(recall, bench).value }
  },
  sample: sampleSearches,
  async probe(bench, { target, reference }) {
    if (reference.isRaise === 1) return []
    const { dimensions, accuracy } = storeTarget(target)
    return [recallGuard(await recallNow(bench, dimensions, accuracy), bench)]
  },
  async current(bench, target) {
    const { dimensions, accuracy } = storeTarget(target)
    const [row] = await dimensionsOf(bench, dimensions)
    return row === undefined ? undefined : String(row[accuracy])
  },
  async set(_, run, target, value) {
    const { dimensions, accuracy } = storeTarget(target)
    if (value === null || !/^\d{1,4}$/.test(value) || Number(value) < 1 || Number(value) > 1000) {
      throw new FleetError('INPUT_INVALID', { message: `value: ${value} is no number of candidates`, field: 'value' })
    }
    await run(`select set_config('role', 'pgfleet_owner', true)`)
    // The other accuracy stays as it is at that moment.
    const [row] = await run<Efforts>(
      'select d.ef_search_fast as fast, d.ef_search_balanced as balanced from memory.vector_dimensions d where d.dimensions = $1::integer for update',
      [dimensions],
    )
    if (row === undefined) return
    const { fast, balanced }: Efforts = { ...row, [accuracy]: Number(value) }
    await run('select memory.set_vector_search($1::integer, $2::integer, $3::integer)', [dimensions, fast, balanced])
    await run(`select set_config('role', 'none', true)`)
  },
}

async function candidateOf(
  bench: Bench,
  dimension: Dimension,
  accuracy: Accuracy,
  scans: number,
  share: number,
  grown: readonly Searches[],
): Promise<Candidate | string> {
  const { dimensions, rows } = dimension
  const now = dimension[accuracy]
  const off = await handsOff(bench, dimension, accuracy)
  if (off !== undefined) return off
  if (scans < bench.limits.callsMin) return `${scans} searches by its index are too few to judge by`
  if (grown.length === 0)
    return 'pg_stat_statements has not seen the searches of the store, by which their time is measured'
  // The one never has more than the other, and what looks at the same number is the same.
  const efforts = EFFORTS.filter((effort) =>
    accuracy === 'fast' ? effort <= dimension.balanced : effort >= dimension.fast,
  )
    .filter((effort) => candidatesOf(effort, rows) > LEAST)
    .filter((effort) => effort === now || candidatesOf(effort, rows) !== candidatesOf(now, rows))
  const looked = [...new Set([now, ...efforts].map((effort) => candidatesOf(effort, rows)))]
  let recalls: number[] | undefined
  try {
    recalls = await storedRecall(
      bench,
      dimensions,
      rows ?? 0,
      looked.map((ef_search) => ({ ef_search })),
    )
  } catch (error) {
    return `its recall could not be measured: ${(error as Error).message}`
  }
  if (recalls === undefined) return 'its recall could not be measured: nothing is stored'
  const chosen = await chooseEffort(
    now,
    efforts,
    bench.limits.recallMin,
    async (effort) => recalls[looked.indexOf(candidatesOf(effort, rows))],
  )
  if (typeof chosen === 'string') return chosen
  const { effort, isRaise, reason } = chosen
  // Half the candidates of balanced, whatever they find: who wants more does not ask for it.
  if (isRaise && accuracy === 'fast') return `${reason}, but fast promises no recall`
  return {
    target: { dimensions, accuracy },
    scope: scopeOf(dimensions, accuracy),
    setting: `ef_search_${accuracy}`,
    oldValue: String(now),
    newValue: String(effort),
    reason: `${scans} searches of ${dimensions} dimensions; ${reason}`,
    apply: statementOf(dimension, accuracy, effort),
    undo: statementOf(dimension, accuracy, now),
    // Who finds too little is helped first; fast is what few ask for.
    weight: isRaise ? 1 : share * (accuracy === 'balanced' ? 0.8 : 0.4),
    reference: {
      ...Object.fromEntries(grown.map((one) => [`cost:${one.query}`, one.milliseconds / one.searches])),
      isRaise: isRaise ? 1 : 0,
    },
    ...(isRaise ? MISSED : {}),
  }
}

/** Candidates that a dimension is made with: where it has others, somebody has set them. */
export function madeWith(dimensions: number): Efforts {
  return DEFAULTS[dimensions] ?? DEFAULT
}

/** Why it is left alone: somebody has set it, or asks for that. */
async function handsOff(
  bench: Bench,
  { dimensions, isMarked, ...set }: Dimension,
  accuracy: Accuracy,
): Promise<string | undefined> {
  const names = [`memory.vectors_${dimensions}`, `vectors_${dimensions}`, `ef_search_${accuracy}`]
  if (names.some((name) => bench.limits.keep.includes(name))) return 'it is listed in keep'
  if (isMarked) return 'a comment on its table says `pgfleet: keep`'
  const [row] = await bench.query<{ owns: boolean }>(`select pg_has_role('pgfleet_owner', 'member') as owns`)
  if (row?.owns !== true) return 'this login may not act as pgfleet_owner, who sets it'
  const now = set[accuracy]
  const usual = madeWith(dimensions)[accuracy]
  const kept = await bench.kept('vector-search', scopeOf(dimensions, accuracy))
  if (kept !== undefined && Number(kept) !== now) {
    return now === usual
      ? `somebody has taken ef_search_${accuracy} = ${kept} back, which a trial had kept`
      : `somebody has set ef_search_${accuracy} = ${now} instead of ${kept}, which a trial had kept`
  }
  if (kept === undefined && now !== usual) return `somebody has set ef_search_${accuracy} = ${now}`
  return undefined
}

/** What a search of that accuracy finds as it is set at this moment. */
async function recallNow(bench: Bench, dimensions: number, accuracy: Accuracy): Promise<number | undefined> {
  const [row] = await dimensionsOf(bench, dimensions)
  return (await storedRecall(bench, dimensions, row?.rows ?? 0, [{ accuracy }]))?.[0]
}

/** Candidates of the index that a search looks at, as memory.nearest_vectors computes them. */
function candidatesOf(effort: number, rows: number | null): number {
  const scaled = rows === null ? effort : effort * Math.cbrt(Math.max(rows, ROWS.min) / ROWS.usual)
  return Math.min(1000, Math.max(LEAST, Math.ceil(scaled)))
}

async function dimensionsOf(bench: Bench, dimensions: number | null = null): Promise<Dimension[]> {
  return await bench.query<Dimension>(DIMENSIONS, [dimensions])
}

async function searchesOf(bench: Bench, schema: string): Promise<Searches[]> {
  return await bench.query<Searches>(
    `select s.queryid::text as query, sum(s.rows)::float8 as searches, sum(s.total_exec_time)::float8 as milliseconds
    from ${schema}.pg_stat_statements(true) s
    where s.toplevel and s.dbid = (select d.oid from pg_database d where d.datname = current_database())
      and s.queryid is not null and starts_with(s.query, $1)
    group by s.queryid`,
    [SEARCH_VECTORS.statement.text],
  )
}

const scopeOf = (dimensions: number, accuracy: Accuracy) => `vectors ${dimensions} ${accuracy}`

function statementOf(dimension: Dimension, accuracy: Accuracy, effort: number): string {
  const { dimensions, fast, balanced }: Efforts & Pick<Dimension, 'dimensions'> = { ...dimension, [accuracy]: effort }
  return `set role pgfleet_owner; select memory.set_vector_search(${dimensions}, ${fast}, ${balanced}); reset role`
}

function storeTarget({ dimensions, accuracy }: Target): { dimensions: number; accuracy: Accuracy } {
  if (
    typeof dimensions === 'number' &&
    Number.isInteger(dimensions) &&
    (accuracy === 'fast' || accuracy === 'balanced')
  )
    return { dimensions, accuracy }
  throw new FleetError('INPUT_INVALID', { message: 'target: dimensions and an accuracy are expected', field: 'target' })
}
