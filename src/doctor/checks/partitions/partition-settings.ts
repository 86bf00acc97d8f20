import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly table: string
  readonly setting: string
  readonly partition: string
  readonly have: number
  readonly lack: number
}

/** 2.9: storage parameters that the newest partition lacks. */
export const partitionSettings = defineCheck<Row>({
  id: 'partition-settings',
  title: 'Settings that the newest partition lacks',
  area: 'partitions',
  level: 'info',
  order: ORDER.vacuum,
  scope: 'partitioned tables',
  absent: 'there are no partitioned tables',
  why: 'A partitioned table has no storage parameters, and a new partition begins without any: what was set for the others by hand, such as autovacuum’s or the fillfactor, is missing where rows are written now.',
  when: 'At least half of the other partitions of a table, and two, have a storage parameter that the one created last lacks.',
  advice: 'Let whatever creates partitions set their parameters too.',
  sql: `
    with leaves as (
      select i.inhparent as parent, c.oid, c.reloptions, c.oid = max(c.oid) over (partition by i.inhparent) as newest,
        count(*) over (partition by i.inhparent) as siblings
      from pg_inherits i join pg_class p on p.oid = i.inhparent and p.relkind = 'p' join pg_class c on c.oid = i.inhrelid and c.relkind = 'r'
    ),
    options as (
      select l.parent, split_part(o.option, '=', 1) as name, count(*) as have, max(l.siblings) as siblings, bool_or(l.newest) as newest
      from leaves l cross join lateral unnest(l.reloptions) as o (option) group by 1, 2
    )
    select (select count(*) from pg_class c where c.relkind = 'p')::int as total, (select count(*) from pg_class c where c.relkind = 'p')::int as examined,
      (select jsonb_agg(jsonb_build_object('table', o.parent::regclass, 'setting', o.name, 'have', o.have, 'lack', o.siblings - o.have,
        'partition', (select l.oid::regclass from leaves l where l.parent = o.parent and l.newest)) order by o.parent::regclass::text, o.name)
        from options o where not o.newest and o.have >= 2 and o.have >= (o.siblings - 1) / 2.0) as found`,
  evaluate: (rows) =>
    rows.map(({ table, setting, partition, have, lack }) => ({
      object: `table ${table}, ${setting}`,
      summary: `${have} partitions of ${table} have ${setting}; ${partition}, the newest${lack > 1 ? `, and ${lack - 1} more` : ''}, lack${lack > 1 ? '' : 's'} it.`,
      remedy: {
        text: `Set ${setting} on it as on the others.`,
        lock: 'share update exclusive on the partition, for a moment',
        undo: `alter table ${partition} reset (${setting})`,
      },
    })),
})
