import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly view: string
  readonly kind: string
  readonly tables: string
  readonly owner: string
  readonly grantees: string
}

/** 2.8: views that show what the policies of their tables hide. */
export const rlsView = defineCheck<Row>({
  id: 'rls-view',
  title: 'Views that pass row-level security',
  area: 'security',
  level: 'error',
  order: ORDER.security,
  scope: 'views of tables with row-level security',
  absent: 'no view reads a table with row-level security',
  why: 'A view reads its tables with the rights of its owner, unless it is security_invoker. When the policies do not hold the owner, whoever may read the view sees all rows. A materialised view holds the rows that its owner saw.',
  when: 'A view without security_invoker, or a materialised view, reads a table with row-level security, its owner is not held by it (superuser, BYPASSRLS, or owner of a table that is not forced), and others may read it.',
  advice: 'Set security_invoker; put a materialised view behind a function or a view that filters by tenant.',
  sql: `
    with views as (
      select v.oid, v.relkind, v.relowner, v.relacl, coalesce(array_to_string(v.reloptions, ',') ~ 'security_invoker=(true|on|yes|1)', false) as invoker,
        t.oid as tableoid, t.relowner as tableowner, t.relforcerowsecurity
      from pg_class v join pg_rewrite w on w.ev_class = v.oid
      join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refclassid = 'pg_class'::regclass and d.refobjid <> v.oid
      join pg_class t on t.oid = d.refobjid and t.relrowsecurity
      where v.relkind in ('v', 'm')
    ),
    judged as (
      select v.oid, v.relkind, v.relowner, v.relacl, string_agg(distinct v.tableoid::regclass::text, ', ') as tables,
        bool_or(o.rolsuper or o.rolbypassrls or (v.tableowner = v.relowner and not v.relforcerowsecurity)) as passes, bool_or(v.invoker) as invoker,
        max(o.rolname) as owner
      from views v join pg_roles o on o.oid = v.relowner
      group by v.oid, v.relkind, v.relowner, v.relacl
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('view', j.oid::regclass, 'kind', j.relkind, 'tables', j.tables, 'owner', j.owner, 'grantees', g.names) order by j.oid::regclass::text)
        filter (where j.passes and not j.invoker and g.names is not null) as found
    from judged j
    left join lateral (
      select string_agg(distinct case when x.grantee = 0 then 'public' else quote_ident(r.rolname) end, ', ') as names
      from aclexplode(j.relacl) x left join pg_roles r on r.oid = x.grantee
      where x.grantee <> j.relowner and x.privilege_type = 'SELECT' and not coalesce(r.rolsuper or r.rolbypassrls, false)) g on true`,
  evaluate: (rows) =>
    rows.map(({ view, kind, tables, owner, grantees }) => ({
      object: `view ${view}`,
      summary: `${view} shows ${grantees} what ${owner} sees of ${tables}: all rows.`,
      remedy:
        kind === 'v'
          ? {
              text: 'Let it run with the rights of who reads it; they need grants on the tables then.',
              sql: [`alter view ${view} set (security_invoker = true)`],
              lock: 'access exclusive on the view, for a moment',
              undo: `alter view ${view} reset (security_invoker)`,
            }
          : {
              text: 'Take the grants back, and let a view or function that filters by tenant stand before it.',
              sql: [`revoke all on ${view} from ${grantees}`],
              lock: 'none to speak of',
              undo: 'grant again',
            },
    })),
})
