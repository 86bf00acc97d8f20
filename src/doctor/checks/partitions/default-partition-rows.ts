import { defineCheck, ORDER } from '../../check.js'
import { counted } from '../../figures.js'

interface Row {
  readonly parent: string
  readonly partition: string
  readonly rows: number
}

/** 2.9: rows that no partition but the default one would take. */
export const defaultPartitionRows = defineCheck<Row>({
  id: 'default-partition-rows',
  title: 'Rows in a default partition',
  area: 'partitions',
  level: 'error',
  order: ORDER.structure,
  scope: 'default partitions',
  absent: 'no partitioned table has a default partition',
  why: 'A partition cannot be created while the default one holds rows that belong into it; and until it can, every new row goes there too. Retention by dropping partitions does not reach them.',
  when: 'Statistics or the size of a default partition of a table that is partitioned by range tell of rows. With lists a default partition may be meant so: info.',
  advice:
    'In one transaction move the rows of a missing range aside, create its partition, and put them back through the parent; ATTACH a partition only with a validated CHECK that fits its bounds.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('parent', p.partrelid::regclass, 'partition', p.partdefid::regclass,
        'rows', greatest(c.reltuples, s.n_live_tup, 0), 'strategy', p.partstrat) order by p.partrelid::regclass::text)
        filter (where greatest(c.reltuples, s.n_live_tup, 0) > 0) as found
    from pg_partitioned_table p join pg_class c on c.oid = p.partdefid
    left join pg_stat_all_tables s on s.relid = c.oid`,
  evaluate: (rows) =>
    (rows as (Row & { strategy: string })[]).map(({ parent, partition, rows: size, strategy }) => ({
      object: `table ${partition}`,
      level: strategy === 'r' ? ('error' as const) : ('info' as const),
      summary: `${partition}, the default partition of ${parent}, holds about ${counted(size, 'row')}.`,
      remedy: {
        text: `Find which ranges of ${parent} are missing, move their rows into a table, create the partitions, and insert the rows again through ${parent}.`,
        lock: 'access exclusive on the default partition while a partition is created beside it: it is scanned',
        undo: 'none needed: the rows stay in the table',
      },
    })),
})
