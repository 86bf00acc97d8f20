import { defineCheck, ORDER } from '../../check.js'
import { bytes, count } from '../../figures.js'

interface Row {
  readonly table: string
  readonly indexes: number
  readonly indexBytes: number
  readonly tableBytes: number
  readonly writes: number
}

/** X9: tables that pay for many indexes. */
export const indexCount = defineCheck<Row>({
  id: 'index-count',
  title: 'Tables with many indexes',
  area: 'indexes',
  level: 'info',
  order: ORDER.advice,
  scope: 'tables',
  absent: 'there are no tables',
  why: 'Every insert, and every update that is not HOT, writes into each of them, and vacuum reads them all.',
  when: 'A table that is written more than it is read by index has more indexes than the threshold.',
  advice: 'Look at unused, redundant and duplicate indexes of it first; then at those that few statements use.',
  uses: ['indexesPerTable'],
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', s.relid::regclass, 'indexes', x.n, 'indexBytes', x.bytes,
        'tableBytes', c.relpages::float8 * 8192, 'writes', s.n_tup_ins + s.n_tup_upd - s.n_tup_hot_upd + s.n_tup_del) order by x.n desc)
        filter (where x.n > 4 and s.n_tup_ins + s.n_tup_upd + s.n_tup_del > coalesce(s.idx_scan, 0)) as found
    from pg_stat_user_tables s join pg_class c on c.oid = s.relid
    cross join lateral (select count(*) as n, sum(k.relpages::float8) * 8192 as bytes
      from pg_index i join pg_class k on k.oid = i.indexrelid where i.indrelid = s.relid) x`,
  evaluate: (rows, { thresholds: { indexesPerTable } }) =>
    rows
      .filter(({ indexes }) => indexes > indexesPerTable)
      .map(({ table, indexes, indexBytes, tableBytes, writes }) => ({
        object: `table ${table}`,
        summary: `${table} (${bytes(tableBytes)}) has ${indexes} indexes (${bytes(indexBytes)}); ${count(writes)} writes went into each.`,
        remedy: { text: 'See which of them queries need.', lock: 'none', undo: 'none needed' },
      })),
})
