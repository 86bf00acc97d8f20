import { defineCheck, ORDER } from '../../check.js'
import { count } from '../../figures.js'

interface Row {
  readonly table: string
  readonly partitions: number
  readonly relations: number
  readonly locks: number
}

/** 2.9: tables in many parts. */
export const partitionCount = defineCheck<Row>({
  id: 'partition-count',
  title: 'Tables in very many partitions',
  area: 'partitions',
  level: 'warning',
  order: ORDER.advice,
  scope: 'partitioned tables',
  absent: 'there are no partitioned tables',
  why: 'A statement that cannot leave out partitions locks each of them and its indexes. The lock table has room for max_locks_per_transaction × (max_connections + max_prepared_transactions), for all sessions together.',
  when: 'A table has more partitions than the threshold, or its partitions and their indexes are more than half of what the lock table holds.',
  advice:
    'Use larger ranges, drop what is not needed, and see that statements name the partition key. Else raise max_locks_per_transaction.',
  uses: ['partitionsMax'],
  sql: `
    with parts as (
      select c.oid, (select count(*) from pg_partition_tree(c.oid) t where t.isleaf) as partitions,
        (select count(*) from pg_partition_tree(c.oid) t left join pg_index i on i.indrelid = t.relid) as relations
      from pg_class c where c.relkind = 'p' and not c.relispartition
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', p.oid::regclass, 'partitions', p.partitions, 'relations', p.relations,
        'locks', current_setting('max_locks_per_transaction')::int
          * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int)) order by p.partitions desc)
        filter (where p.partitions > 10) as found
    from parts p`,
  evaluate: (rows, { thresholds: { partitionsMax } }) =>
    rows
      .filter(({ partitions, relations, locks }) => partitions > partitionsMax || relations > locks / 2)
      .map(({ table, partitions, relations, locks }) => ({
        object: `table ${table}`,
        summary: `${table} has ${count(partitions)} partitions, ${count(relations)} relations with indexes; the lock table has room for ${count(locks)}.`,
        remedy: {
          text: 'Drop or merge partitions; let statements name the partition key.',
          lock: 'detach partition concurrently: share update exclusive on the parent; impossible beside a default partition',
          undo: 'attach again',
        },
      })),
})
