import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly index: string
  readonly table: string
  readonly missing: readonly string[]
}

/** 2.9: indexes of a partitioned table that some partitions lack. */
export const partitionIndex = defineCheck<Row>({
  id: 'partition-index',
  title: 'Indexes that some partitions lack',
  area: 'partitions',
  level: 'warning',
  order: ORDER.indexes,
  scope: 'indexes of partitioned tables',
  absent: 'no partitioned table has an index',
  why: 'The index of a partitioned table is invalid until every partition has its part: scans of the others read all their rows.',
  when: 'The index of a partitioned table is not valid.',
  advice:
    'Create the index concurrently on each partition that lacks it, and attach it: the last one makes the whole valid.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('index', i.indexrelid::regclass, 'table', i.indrelid::regclass,
        'missing', (select coalesce(jsonb_agg(h.inhrelid::regclass order by h.inhrelid::regclass::text), '[]') from pg_inherits h
          where h.inhparent = i.indrelid and not exists (select from pg_inherits x join pg_index k on k.indexrelid = x.inhrelid
            where x.inhparent = i.indexrelid and k.indrelid = h.inhrelid))) order by i.indexrelid::regclass::text) filter (where not i.indisvalid) as found
    from pg_index i join pg_class c on c.oid = i.indexrelid where c.relkind = 'I'`,
  evaluate: (rows) =>
    rows.map(({ index, table, missing }) => ({
      object: `index ${index}`,
      summary: `${index} of ${table} is not valid: ${missing.length === 0 ? 'a part of it is not' : `${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ', …' : ''} ${missing.length === 1 ? 'lacks' : 'lack'} it`}.`,
      remedy: {
        text: 'Create it concurrently on each partition, then alter index … attach partition ….',
        lock: 'share update exclusive on the partition while it builds',
        undo: 'drop the index of the partitioned table',
      },
    })),
})
