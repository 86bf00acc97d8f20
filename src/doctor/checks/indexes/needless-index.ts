import { defineCheck, ORDER } from '../../check.js'
import { bytes, counted } from '../../figures.js'
import { PLANNED_STATEMENTS, planOf, type Statement } from '../../hypothetical.js'

interface Index {
  readonly index: string
  readonly oid: number
  readonly definition: string
  readonly bytes: number
  readonly scans: number
  readonly writes: number
  readonly statements: readonly Statement[]
}

interface Row {
  /** The largest first. */
  readonly indexes: readonly Index[] | null
  readonly searchPath: string
  /** Those that nothing misses, beside each other, with how many statements could be planned. */
  readonly needless?: readonly (Index & { readonly planned: number })[]
}

/** Indexes that are tried, and statements for each, at most. */
const INDEXES = 30
const STATEMENTS = 30
/** A plan that costs so much more without the index needs it. */
const WORSE = 1.1

/** X7: indexes that the workload would not miss. */
export const needlessIndex = defineCheck<Row>({
  id: 'needless-index',
  title: 'Indexes that the workload would not miss',
  area: 'indexes',
  level: 'info',
  order: ORDER.indexes,
  depth: 'deep',
  versions: { from: 16 },
  needs: { extension: 'pg_stat_statements', also: 'hypopg', rights: 'select on the tables of the statements' },
  scope: 'indexes of 1 MB and more that no constraint needs',
  absent: 'no index of 1 MB and more is free of constraints',
  why: 'An index that is used need not be needed: another may serve its statements as well. hypopg hides it from the planner of this session alone, so that the plans without it can be compared before anybody drops it.',
  when: `Beginning with the largest, and beside those already found: none of the up to ${STATEMENTS} statements in pg_stat_statements that name its table costs a tenth more without it, and one of them at least could be planned. Indexes of keys, unique ones, those that support a foreign key, and those of partitions are left out. Costs are estimates without values.`,
  advice:
    'Look at standbys and rare reports too: they are not in these statistics. Then drop it concurrently, and keep its definition.',
  sql: `
    with indexes as (
      select i.indexrelid, i.indrelid, t.relname, c.relpages, s.idx_scan, u.n_tup_ins + u.n_tup_upd + u.n_tup_del as writes
      from pg_index i join pg_class c on c.oid = i.indexrelid and c.relkind = 'i' and c.relpages >= 128 join pg_class t on t.oid = i.indrelid
      join pg_stat_user_indexes s on s.indexrelid = i.indexrelid join pg_stat_user_tables u on u.relid = i.indrelid
      where i.indisvalid and not (i.indisunique or i.indisprimary or i.indisexclusion or i.indisreplident)
        and not exists (select from pg_inherits h where h.inhrelid = i.indexrelid)
        and not exists (select from pg_constraint k where k.contype = 'f' and k.conrelid = i.indrelid
          and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)
      order by c.relpages desc limit ${INDEXES}
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_build_array(jsonb_build_object('searchPath', (select s.reset_val from pg_settings s where s.name = 'search_path'),
        'indexes', jsonb_agg(jsonb_build_object('index', x.indexrelid::regclass, 'oid', x.indexrelid, 'definition', pg_get_indexdef(x.indexrelid),
          'bytes', x.relpages::float8 * 8192, 'scans', x.idx_scan, 'writes', x.writes,
          'statements', (select coalesce(jsonb_agg(jsonb_build_object('query', q.query, 'calls', q.calls)), '[]') from (
            select s.query, sum(s.calls)::float8 as calls from ${PLANNED_STATEMENTS}
              and position(lower(x.relname) in lower(s.query)) > 0
            group by s.query order by sum(s.total_exec_time) desc limit ${STATEMENTS}) q)) order by x.relpages desc, x.indexrelid))) as found
    from indexes x`,
  explore: async ({ indexes, searchPath }, ask, { extensions }) => {
    const schema = extensions.hypopg?.schema ?? 'public'
    const hide = (oid: number) => `select ${schema}.hypopg_hide_index(${oid}::oid)`
    const after = [`select ${schema}.hypopg_unhide_all_indexes()`]
    const needless: NonNullable<Row['needless']>[number][] = []
    for (const index of indexes ?? []) {
      const before = [...needless, index].map(({ oid }) => hide(oid))
      let [planned, worse] = [0, 0]
      for (const statement of index.statements) {
        const plan = await planOf(ask, statement, searchPath)
        const without = plan && (await planOf(ask, statement, searchPath, { before, after }))
        if (plan === undefined || without === undefined) continue
        planned++
        if (without['Total Cost'] > WORSE * plan['Total Cost']) worse++
      }
      if (planned > 0 && worse === 0) needless.push({ ...index, planned })
    }
    return { needless }
  },
  evaluate: ([row]) =>
    (row?.needless ?? []).map(({ index, definition, bytes: size, scans, writes, planned }) => ({
      object: `index ${index}`,
      summary: `Without ${index} (${bytes(size)}) none of ${counted(planned, 'statement')} on its table would cost a tenth more.`,
      evidence: [
        definition,
        `scanned ${counted(scans, 'time')}; ${counted(writes, 'write')} to the table maintained it`,
      ],
      remedy: {
        text: 'Drop it, once you know that no standby and no rare report needs it.',
        sql: [`drop index concurrently ${index}`],
        lock: 'share update exclusive on the table: reads and writes go on',
        undo: definition,
      },
    })),
})
