import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly table: string
  readonly policy: string
  readonly command: string
  readonly roles: string
}

/** 2.8: policies that let everything through. */
export const permissivePolicy = defineCheck<Row>({
  id: 'permissive-policy',
  title: 'Policies that let every write through',
  area: 'security',
  level: 'warning',
  order: ORDER.security,
  scope: 'policies',
  absent: 'there are no policies',
  why: 'Permissive policies are joined by OR: one that is simply true makes the others of its command meaningless.',
  when: 'A permissive policy for writes is USING (true) or WITH CHECK (true), for everybody or for a role that is held by row-level security and may log in.',
  advice: 'Drop it, or give it to the one role that it is meant for.',
  sql: `
    with policies as (
      select p.*, coalesce((select string_agg(quote_ident(r.rolname), ', ') from pg_roles r where r.oid = any (p.polroles)), 'public') as roles
      from pg_policy p where p.polpermissive and p.polcmd in ('a', 'w', 'd', '*')
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', p.polrelid::regclass, 'policy', quote_ident(p.polname), 'roles', p.roles,
        'command', case p.polcmd when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end)
        order by p.polrelid::regclass::text, p.polname)
        filter (where (pg_get_expr(p.polqual, p.polrelid) = 'true' or pg_get_expr(p.polwithcheck, p.polrelid) = 'true')
          and (p.polroles = '{0}' or exists (select from pg_roles r where r.oid = any (p.polroles) and r.rolcanlogin
            and not r.rolsuper and not r.rolbypassrls))) as found
    from policies p`,
  evaluate: (rows) =>
    rows.map(({ table, policy, command, roles }) => ({
      object: `policy ${policy} on ${table}`,
      summary: `Policy ${policy} of ${table} lets ${command} through for ${roles}, whatever the row.`,
      remedy: {
        text: 'Alter it to a condition, or to the role that it is meant for.',
        lock: 'access exclusive on the table, for a moment',
        undo: 'alter the policy back',
      },
    })),
})
