import { type Ask, defineCheck, ORDER } from '../../check.js'
import { count } from '../../figures.js'
import {
  columnsFor,
  nodesBelow,
  PLANNED_STATEMENTS,
  type PlanNode,
  planOf,
  relationOf,
  type Statement,
} from '../../hypothetical.js'
import { redact } from '../../redact.js'

interface Advice {
  readonly table: string
  readonly columns: readonly string[]
  readonly helped: readonly {
    readonly query: string
    readonly calls: number
    readonly from: number
    readonly to: number
  }[]
}

interface Row {
  readonly statements: readonly Statement[]
  /** Rows and writes of the tables that are worth an index. */
  readonly tables: Readonly<Record<string, { readonly rows: number; readonly writes: number }>>
  readonly searchPath: string
  readonly advice?: readonly Advice[]
}

/** Statements that are planned, and indexes that are advised, at most. */
const STATEMENTS = 40
const INDEXES = 3
/** What a statement has to cost less with the index, to be helped. */
const SAVED = 0.5
/** What a write into one more index is taken to cost, in units of the planner: a page. */
const WRITE_COST = 1

/** X6: indexes that the workload lacks. */
export const missingIndex = defineCheck<Row>({
  id: 'missing-index',
  title: 'Indexes that the workload lacks',
  area: 'indexes',
  level: 'info',
  order: ORDER.indexes,
  depth: 'deep',
  versions: { from: 16 },
  needs: { extension: 'pg_stat_statements', also: 'hypopg', rights: 'select on the tables of the statements' },
  scope: 'workloads',
  absent: 'pg_stat_statements has no statement of this database, or no table has 10,000 rows',
  why: 'A statement that reads a table as a whole for a few rows wants an index; but one index may serve several statements, and each costs every write. The planner itself is asked, with indexes that exist for it alone (hypopg), whether it would use them.',
  when: `Of the ${STATEMENTS} statements that took the most time, called statementCalls times and more, those that read a table of sequentialRows and more and filter what they have read, by plain comparisons, are planned with an index on what they compare and sort by. It is advised when it halves the cost of one of them and is used, and when what all statements save, by their calls, is more than a page for each write to the table. The best comes first, and the next is judged beside it, up to ${INDEXES}. Costs are estimates without values.`,
  advice:
    'Try it with real values (EXPLAIN ANALYZE) before you keep it. Partial indexes, expressions and INCLUDE are not tried: think of them.',
  uses: ['statementCalls', 'sequentialRows'],
  sql: `
    with statements as (
      select s.query, sum(s.calls)::float8 as calls, sum(s.total_exec_time) as time
      from ${PLANNED_STATEMENTS}
      group by s.query order by 3 desc limit ${STATEMENTS}
    ),
    tables as (
      select c.oid, c.reltuples, s.n_tup_ins + s.n_tup_upd - s.n_tup_hot_upd + s.n_tup_del as writes
      from pg_class c join pg_stat_user_tables s on s.relid = c.oid where c.relkind = 'r' and c.reltuples >= 1000
    )
    select case when exists (select from statements) and exists (select from tables) then 1 else 0 end as total,
      case when exists (select from statements) and exists (select from tables) then 1 else 0 end as examined,
      jsonb_build_array(jsonb_build_object(
        'statements', (select jsonb_agg(jsonb_build_object('query', s.query, 'calls', s.calls) order by s.time desc) from statements s),
        'tables', (select jsonb_object_agg(t.oid::regclass, jsonb_build_object('rows', t.reltuples, 'writes', t.writes)) from tables t),
        'searchPath', (select s.reset_val from pg_settings s where s.name = 'search_path'))) as found`,
  explore: async (row, ask, { extensions }) => ({
    advice: await advise(row, ask, extensions.hypopg?.schema ?? 'public'),
  }),
  evaluate: ([row], { thresholds: { statementCalls, sequentialRows } }) =>
    (row?.advice ?? [])
      .map((advice) => ({ ...advice, helped: advice.helped.filter(({ calls }) => calls >= statementCalls) }))
      .filter(({ table, helped }) => helped.length > 0 && (row?.tables[table]?.rows ?? 0) >= sequentialRows)
      .map(({ table, columns, helped }) => ({
        object: `table ${table} (${columns.join(', ')})`,
        summary: `An index on ${table} (${columns.join(', ')}) would make ${helped.length === 1 ? 'a statement' : `${helped.length} statements`} cheaper by half and more; ${count(row?.tables[table]?.writes ?? 0)} writes went to the table.`,
        evidence: helped
          .slice(0, 3)
          .map(
            ({ query, calls, from, to }) =>
              `${count(calls)} calls, cost ${count(from)} → ${count(to)}: ${redact(query)}`,
          ),
        remedy: {
          text: 'Create it, see by EXPLAIN ANALYZE that it is used, and drop it again when it does not help.',
          sql: [`create index concurrently on ${table} (${columns.join(', ')})`],
          lock: 'share update exclusive on the table: reads and writes go on',
          undo: 'drop the index concurrently',
        },
      })),
})

/** The best index, then the best beside it, as long as one pays. */
async function advise({ statements, tables, searchPath }: Row, ask: Ask, schema: string): Promise<Advice[]> {
  const planned: { statement: Statement; cost: number; plan: PlanNode }[] = []
  for (const statement of statements) {
    const plan = await planOf(ask, statement, searchPath)
    if (plan !== undefined) planned.push({ statement, cost: plan['Total Cost'], plan })
  }
  const candidates = new Map<string, { table: string; columns: readonly string[] }>()
  for (const { plan } of planned)
    for (const parent of [undefined, ...nodesBelow(plan)])
      for (const node of parent === undefined ? [plan] : (parent.Plans ?? [])) {
        const columns = columnsFor(node, parent)
        const table = relationOf(node)
        if (columns !== undefined && tables[table] !== undefined)
          candidates.set(`create index on ${table} (${columns.join(', ')})`, { table, columns })
      }
  const chosen: string[] = []
  const advice: Advice[] = []
  while (advice.length < INDEXES) {
    let best: { definition: string; gain: number; costs: number[]; helped: Advice['helped'] } | undefined
    for (const [definition, { table }] of candidates) {
      if (chosen.includes(definition)) continue
      const before = [...chosen, definition].map(
        (text) => `select ${schema}.hypopg_create_index('${text.replaceAll("'", "''")}')`,
      )
      let gain = -WRITE_COST * (tables[table]?.writes ?? 0)
      const helped: Advice['helped'][number][] = []
      const costs: number[] = []
      for (const { statement, cost, plan } of planned) {
        const touches = nodesBelow(plan).some((node) => relationOf(node) === table)
        const after = [`select ${schema}.hypopg_reset()`]
        const tried = touches ? await planOf(ask, statement, searchPath, { before, after }) : plan
        const to = tried?.['Total Cost'] ?? cost
        costs.push(to)
        gain += statement.calls * (cost - to)
        // The planner gives hypothetical indexes names of this form.
        const isUsed = nodesBelow(tried ?? plan).some((node) => /^<\d+>/.test(node['Index Name'] ?? ''))
        if (isUsed && to <= SAVED * cost) helped.push({ ...statement, from: cost, to })
      }
      if (helped.length > 0 && gain > (best?.gain ?? 0)) best = { definition, gain, costs, helped }
    }
    if (best === undefined) return advice
    const { definition, costs, helped } = best
    chosen.push(definition)
    advice.push({ ...(candidates.get(definition) as { table: string; columns: readonly string[] }), helped })
    for (const [n, one] of planned.entries()) one.cost = costs[n] ?? one.cost
  }
  return advice
}
