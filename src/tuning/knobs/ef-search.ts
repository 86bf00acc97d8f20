import { vectorRecall } from '../../doctor/checks/vectors/vector-recall.js'
import { VECTOR_INDEXES, type VectorIndex } from '../../doctor/vector-indexes.js'
import { FleetError } from '../../errors.js'
import type { Bench, Candidate, Knob, LeftAlone, Reading } from '../knob.js'
import { handsOffRole, olderSessions, roleSetting, roleStatement, roleTarget, setRole } from '../role-setting.js'
import {
  costsOf,
  grownByRole,
  NO_STATISTICS,
  type RoleStatement,
  readStatements,
  roleStatements,
  statementStatistics,
} from '../role-statements.js'
import { chooseEffort, EFFORTS, MISSED, recallGuard, sampleSearches } from '../search-effort.js'

const NAME = 'hnsw.ef_search'
/** A search of ten rows needs ten at least. */
const LADDER = EFFORTS.filter((effort) => effort >= 20)
const BOUNDS = { min: 1, max: 1000 }
/** Indexes whose recall is looked at: those searched most. */
const INDEXES = 3

/** Indexes that were searched, the most searched first; the vectors store's aside, which sets its candidates itself. */
const SEARCHED = `
  with ${VECTOR_INDEXES}
  select i.indexrelid::regclass::text as index, i.indrelid::regclass::text as table, quote_ident(i.attname) as column, i.operator,
    i.amname as method, greatest(i.reltuples, 0)::float8 as rows, coalesce(s.idx_scan, 0)::float8 as scans
  from indexes i left join pg_stat_user_indexes s on s.indexrelid = i.indexrelid
  where i.amname = 'hnsw' and has_table_privilege(i.indrelid, 'select')
    and not (i.schema = 'memory' and i.relname ~ '^vectors_[0-9]+$')
  order by coalesce(s.idx_scan, 0) desc`

/** The role's searches were seen to go by the index; a planner that compared all rows of a small table would find them all. */
const BY_INDEX = { enable_seqscan: 'off', enable_sort: 'off', jit: 'off' }

interface SearchedIndex extends VectorIndex {
  readonly scans: number
}

interface Look {
  readonly statements: Map<string, RoleStatement>
  readonly indexes: readonly SearchedIndex[]
}

/** How many candidates searches of vectors collect, for a role that searches with more than it needs, or with too few. */
export const efSearch: Knob = {
  id: 'ef-search',
  title: `${NAME} of a role that searches by HNSW indexes`,
  place: 'server',
  metric: 'time of the searches, as a part of what as many took at first; where too little is found, what is missed',
  guard: 'recall at 10, measured against the exact order; where too little is found, the time',
  rounds: 2,
  bounds: `${LADDER[0]} to ${LADDER.at(-1)}, twice the present at most`,
  async look(bench) {
    const schema = await statementStatistics(bench)
    const [vector] = await bench.query(`select 1 from pg_extension e where e.extname = 'vector'`)
    if (schema === undefined || vector === undefined) return undefined
    return { statements: await roleStatements(bench, schema, true), indexes: await bench.query(SEARCHED) } as Look
  },
  async find(bench, since) {
    const schema = await statementStatistics(bench)
    if (schema === undefined) return { candidates: [], left: [{ scope: 'database', reason: NO_STATISTICS }] }
    // No extension, no vectors.
    if (since === undefined) return { candidates: [], left: [] }
    const before = since as Look
    const grown = grownByRole(before.statements, await roleStatements(bench, schema, true))
    const total = [...grown.values()].flat().reduce((sum, { milliseconds }) => sum + milliseconds, 0)
    const candidates: Candidate[] = []
    const left: Omit<LeftAlone, 'knob'>[] = []
    for (const [role, statements] of grown) {
      const searches = statements.filter(({ isSearch }) => isSearch)
      if (searches.length === 0) continue
      const found = await candidateOf(bench, role, searches, before.indexes, total)
      if (typeof found === 'string') left.push({ scope: `role ${role}`, reason: found })
      else candidates.push(found)
    }
    return { candidates, left }
  },
  async read(bench, { target, reference }) {
    const { role } = roleTarget(target)
    const reading = await readStatements(bench, role, reference)
    if (reference.isRaise !== 1) return reading
    const setting = await roleSetting(bench, role, NAME)
    const recall = await recallOf(bench, await indexesOf(bench, reference), effortOf(setting?.effective))
    return { ...reading, missed: 1 - recallGuard(recall, bench).value }
  },
  sample: sampleSearches,
  async probe(bench, { newValue, reference }) {
    if (reference.isRaise === 1) return []
    return [recallGuard(await recallOf(bench, await indexesOf(bench, reference), Number(newValue)), bench)]
  },
  unsettled: (bench, { target }, since) => olderSessions(bench, roleTarget(target).role, since),
  async current(bench, target) {
    return (await roleSetting(bench, roleTarget(target).role, NAME))?.own
  },
  async set(_, run, target, value) {
    if (value !== null && !(Number(value) >= BOUNDS.min && Number(value) <= BOUNDS.max && /^\d+$/.test(value))) {
      throw new FleetError('INPUT_INVALID', { message: `value: ${value} is no ${NAME}`, field: 'value' })
    }
    await setRole(run, target, NAME, value)
  },
}

async function candidateOf(
  bench: Bench,
  role: string,
  searches: readonly RoleStatement[],
  before: readonly SearchedIndex[],
  total: number,
): Promise<Candidate | string> {
  const setting = await roleSetting(bench, role, NAME)
  if (setting === undefined) return 'the role is gone'
  const off = await handsOffRole(bench, 'ef-search', role, setting, NAME)
  if (off !== undefined) return off
  const calls = searches.reduce((sum, one) => sum + one.calls, 0)
  if (calls < bench.limits.callsMin) return `${calls} searches are too few to judge by`
  const searched = (await bench.query<SearchedIndex>(SEARCHED))
    .filter(({ index, scans }) => scans > (before.find((one) => one.index === index)?.scans ?? 0))
    .slice(0, INDEXES)
  if (searched.length === 0) return 'no HNSW index that this login may read was searched meanwhile'
  const now = effortOf(setting.effective)
  const { recallMin } = bench.limits
  const chosen = await chooseEffort(now, LADDER, recallMin, (effort) => recallOf(bench, searched, effort)).catch(
    (error: Error) => `its recall could not be measured (${error.message})`,
  )
  if (typeof chosen === 'string') return `${chosen}, in ${searched.map(({ index }) => index).join(', ')}`
  const { effort, isRaise, reason } = chosen
  const [database] = await bench.query<{ name: string }>('select current_database() as name')
  const target = { role, database: database?.name ?? '' }
  const spent = searches.reduce((sum, one) => sum + one.milliseconds, 0)
  return {
    target,
    scope: `role ${role}`,
    setting: NAME,
    oldValue: setting.own,
    newValue: String(effort),
    reason: `${Math.round(calls)} searches with ${NAME} ${now}; ${reason}, in ${searched.map(({ index }) => index).join(', ')}`,
    apply: roleStatement(target, NAME, String(effort)),
    undo: roleStatement(target, NAME, setting.own),
    // Who finds too little is helped first.
    weight: isRaise ? 1 : total > 0 ? spent / total : 0,
    reference: {
      ...costsOf(searches),
      ...Object.fromEntries(searched.map(({ index }) => [`index:${index}`, 1])),
      isRaise: isRaise ? 1 : 0,
    },
    ...(isRaise ? MISSED : {}),
  }
}

/** What its sessions begin with; without pgvector loaded in this session nobody knows its default. */
const effortOf = (setting: string | undefined) => Number(setting ?? 40)

/** The indexes by which the role was found to search. */
async function indexesOf(bench: Bench, reference: Reading): Promise<SearchedIndex[]> {
  const all = await bench.query<SearchedIndex>(SEARCHED)
  return all.filter(({ index }) => reference[`index:${index}`] !== undefined)
}

/** The least recall of the indexes, as the doctor measures it; undefined where nothing could be searched. */
async function recallOf(bench: Bench, indexes: readonly VectorIndex[], value: number): Promise<number | undefined> {
  const found: number[] = []
  for (const index of indexes) {
    const probe = vectorRecall.probe?.(index as never, undefined as never)
    if (probe === undefined) continue
    const [row] = await bench.ask<{ recall: number | null; queries: number }>(probe.text, probe.values, {
      [NAME]: String(value),
      ...BY_INDEX,
    })
    if (row?.recall != null && row.queries > 0) found.push(row.recall)
  }
  return found.length === 0 ? undefined : Math.min(...found)
}
