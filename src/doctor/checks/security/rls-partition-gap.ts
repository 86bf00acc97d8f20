import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly partition: string
  readonly parent: string
  readonly grantees: string
}

/** 2.8: partitions that can be read past the policies of their parent. */
export const rlsPartitionGap = defineCheck<Row>({
  id: 'rls-partition-gap',
  title: 'Partitions open past the policies of their parent',
  area: 'security',
  level: 'error',
  order: ORDER.security,
  scope: 'partitions of tables with row-level security',
  absent: 'no partitioned table has row-level security',
  why: 'The policies of a partitioned table hold for queries of that table. Who may read a partition by its own name is held by the partition’s policies alone.',
  when: 'A partition is granted to a role other than its owner, and has no row-level security of its own, while a table above it has.',
  advice:
    'Take the grants from partitions: access through the parent does not need them. Or enable row-level security for each.',
  sql: `
    with partitions as (
      select c.oid, c.relrowsecurity, c.relacl, c.relowner, (select a.relid from pg_partition_ancestors(c.oid) a join pg_class p on p.oid = a.relid
          where p.relrowsecurity and p.oid <> c.oid limit 1) as parent
      from pg_class c where c.relispartition and c.relkind in ('r', 'p')
    )
    select count(p.parent)::int as total, count(p.parent)::int as examined,
      jsonb_agg(jsonb_build_object('partition', p.oid::regclass, 'parent', p.parent::regclass, 'grantees', g.names) order by p.oid::regclass::text)
        filter (where p.parent is not null and not p.relrowsecurity and g.names is not null) as found
    from partitions p
    left join lateral (
      select string_agg(distinct case when x.grantee = 0 then 'public' else quote_ident(r.rolname) end, ', ') as names
      from aclexplode(p.relacl) x left join pg_roles r on r.oid = x.grantee
      where x.grantee <> p.relowner and x.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
        and not coalesce(r.rolsuper or r.rolbypassrls, false)) g on true`,
  evaluate: (rows) =>
    rows.map(({ partition, parent, grantees }) => ({
      object: `table ${partition}`,
      summary: `${grantees} may use ${partition} directly, past the policies of ${parent}.`,
      remedy: {
        text: 'Take the grants back; access through the parent goes on.',
        sql: [`revoke all on ${partition} from ${grantees}`],
        lock: 'none to speak of',
        undo: 'grant again',
      },
    })),
})
