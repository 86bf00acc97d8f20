import { type Draft, defineCheck, ORDER } from '../../check.js'
import { counted } from '../../figures.js'

interface Row {
  readonly role: string
  readonly kind: 'owner' | 'superuser' | 'bypassrls'
  readonly tables: readonly string[]
  readonly sessions: number
  readonly applications: string | null
}

/** V11, 2.8: roles for which the policies do not count. */
export const rlsBypassed = defineCheck<Row>({
  id: 'rls-bypassed',
  title: 'Roles that row-level security does not hold',
  area: 'security',
  level: 'error',
  order: ORDER.security,
  scope: 'tables with row-level security',
  absent: 'no table has row-level security',
  why: 'Policies do not hold the owner of a table unless it is forced, and never superusers and roles with BYPASSRLS. An application that logs in as one of them sees every row of every tenant.',
  when: 'The owner of a table without FORCE may log in: an error while a session of it is open, else a warning. Open sessions of superusers or of BYPASSRLS roles are a warning: it may be an administrator, or a role that is changed by SET ROLE.',
  advice:
    'Let the application log in as a role that owns nothing, without BYPASSRLS; and force row-level security, so that the owner is held too.',
  sql: `
    with tables as materialized (
      select c.oid, c.relowner, c.relforcerowsecurity from pg_class c where c.relrowsecurity and c.relkind in ('r', 'p')
    ),
    sessions as materialized (
      select a.usesysid as role, count(*) as n, string_agg(distinct nullif(a.application_name, ''), ', ') as applications
      from pg_stat_activity a
      where (a.backend_type = 'client backend' or (a.backend_type is null and a.datid is not null)) and a.pid <> pg_backend_pid() and a.datname = current_database()
      group by 1
    ),
    found as (
      select r.rolname as role, 'owner' as kind, jsonb_agg(t.oid::regclass order by t.oid::regclass::text) as tables, max(coalesce(s.n, 0)) as sessions,
        max(s.applications) as applications
      from tables t join pg_roles r on r.oid = t.relowner left join sessions s on s.role = r.oid
      where not t.relforcerowsecurity and r.rolcanlogin and not r.rolsuper and not r.rolbypassrls
      group by r.rolname
      union all
      select r.rolname, case when r.rolsuper then 'superuser' else 'bypassrls' end, '[]', s.n, s.applications
      from sessions s join pg_roles r on r.oid = s.role
      where r.rolsuper or r.rolbypassrls
    )
    select (select count(*) from tables)::int as total, (select count(*) from tables)::int as examined,
      jsonb_agg(to_jsonb(f) order by f.role) as found
    from found f`,
  evaluate: (rows) =>
    rows.map(({ role, kind, tables, sessions, applications }): Draft => {
      const evidence =
        sessions > 0 ? [`${counted(sessions, 'session')} open${applications === null ? '' : `: ${applications}`}`] : []
      if (kind !== 'owner') {
        return {
          object: `role ${role}`,
          level: 'warning',
          summary: `${role} is connected, ${kind === 'superuser' ? 'a superuser' : 'with BYPASSRLS'}: policies do not hold it.`,
          evidence,
          remedy: {
            text: 'When this is the application: make a role for it that owns nothing, and let it log in as that.',
            lock: 'none',
            undo: 'log in as before',
          },
        }
      }
      return {
        object: `role ${role}`,
        level: sessions > 0 ? 'error' : 'warning',
        summary: `${role} owns ${counted(tables.length, 'table')} without FORCE ROW LEVEL SECURITY: their policies do not hold it.`,
        evidence: [tables.slice(0, 10).join(', ') + (tables.length > 10 ? ', …' : ''), ...evidence],
        remedy: {
          text: 'Force it. What the owner has to do for all tenants then needs a policy of its own, or a role with BYPASSRLS.',
          sql: tables.map((table) => `alter table ${table} force row level security`),
          lock: 'access exclusive on each table, for a moment',
          undo: 'alter table … no force row level security',
        },
      }
    }),
})
