import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly parent: string
  readonly partition: string
}

/** 2.9: partitions whose concurrent detaching gave up half-way. */
export const detachPending = defineCheck<Row>({
  id: 'detach-pending',
  title: 'Partitions that are half detached',
  area: 'partitions',
  level: 'warning',
  order: ORDER.structure,
  scope: 'partitions',
  absent: 'there are no partitions',
  why: 'DETACH PARTITION CONCURRENTLY that is interrupted leaves a partition that statements no longer read, and that is not yet a table of its own. No other partition of the table can be detached concurrently until it is finished.',
  when: 'A partition is marked as being detached.',
  advice: 'Finish it. One that is just being detached, and waits for old transactions, is no fault.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('parent', i.inhparent::regclass, 'partition', i.inhrelid::regclass) order by i.inhrelid::regclass::text)
        filter (where i.inhdetachpending) as found
    from pg_inherits i join pg_class c on c.oid = i.inhrelid and c.relispartition and c.relkind in ('r', 'p', 'f')`,
  evaluate: (rows) =>
    rows.map(({ parent, partition }) => ({
      object: `table ${partition}`,
      summary: `${partition} is half detached from ${parent}: statements on ${parent} do not read it.`,
      remedy: {
        text: 'Finish what was begun.',
        sql: [`alter table ${parent} detach partition ${partition} finalize`],
        lock: 'share update exclusive on the table, access exclusive on the partition, for a moment',
        undo: 'attach it again',
      },
    })),
})
