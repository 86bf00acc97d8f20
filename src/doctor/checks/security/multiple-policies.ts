import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly table: string
  readonly command: string
  readonly role: string
  readonly policies: readonly string[]
}

/** 2.8: several permissive policies for the same rows. */
export const multiplePolicies = defineCheck<Row>({
  id: 'multiple-policies',
  title: 'Several permissive policies for one command',
  area: 'security',
  level: 'info',
  order: ORDER.advice,
  scope: 'tables with policies',
  absent: 'there are no policies',
  why: 'Permissive policies are joined by OR: each can only let more rows through, every row is asked all of them, and an index for one of them no longer bounds the rows.',
  when: 'A table has two permissive policies and more for the same command and the same role.',
  advice: 'Join them into one policy; make those that were meant to narrow the others restrictive (AS RESTRICTIVE).',
  sql: `
    with policies as (
      select p.polrelid, p.polname, r.role, c.command
      from pg_policy p cross join lateral unnest(p.polroles) as r (role)
      cross join lateral unnest(case p.polcmd when '*' then array['select', 'insert', 'update', 'delete'] when 'r' then array['select']
        when 'a' then array['insert'] when 'w' then array['update'] else array['delete'] end) as c (command)
      where p.polpermissive
    ),
    several as (
      select p.polrelid, p.command, coalesce(quote_ident(o.rolname), 'public') as role, jsonb_agg(quote_ident(p.polname) order by p.polname) as names
      from policies p left join pg_roles o on o.oid = p.role
      group by p.polrelid, p.command, p.role, o.rolname having count(*) > 1
    )
    select (select count(distinct p.polrelid) from pg_policy p)::int as total, (select count(distinct p.polrelid) from pg_policy p)::int as examined,
      (select jsonb_agg(jsonb_build_object('table', s.polrelid::regclass, 'command', s.command, 'role', s.role, 'policies', s.names)
        order by s.polrelid::regclass::text, s.command, s.role) from several s) as found`,
  evaluate: (rows) =>
    rows.map(({ table, command, role, policies }) => ({
      object: `table ${table}, ${command}, ${role}`,
      summary: `${policies.length} permissive policies of ${table} let ${role} ${command}: ${policies.join(', ')}.`,
      remedy: {
        text: 'Join them into one, or make those restrictive that were meant to narrow.',
        lock: 'access exclusive on the table, for a moment',
        undo: 'create the policies again',
      },
    })),
})
