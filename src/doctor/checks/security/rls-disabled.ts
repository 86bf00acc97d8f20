import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly table: string
  readonly policies: string
}

/** 2.8: policies that are not in force. */
export const rlsDisabled = defineCheck<Row>({
  id: 'rls-disabled',
  title: 'Policies that are not in force',
  area: 'security',
  level: 'error',
  order: ORDER.security,
  scope: 'tables with policies',
  absent: 'no table has policies',
  why: 'Somebody wrote policies and believes that they hold. Until row-level security is enabled for the table, everybody with a grant sees all rows.',
  when: 'A table has policies and row-level security is not enabled.',
  advice: 'Enable it, and force it, after checking that the policies let through what they have to.',
  sql: `
    with tables as (select p.polrelid, string_agg(quote_ident(p.polname), ', ' order by p.polname) as policies from pg_policy p group by 1)
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', t.polrelid::regclass, 'policies', t.policies) order by t.polrelid::regclass::text)
        filter (where not c.relrowsecurity) as found
    from tables t join pg_class c on c.oid = t.polrelid`,
  evaluate: (rows) =>
    rows.map(({ table, policies }) => ({
      object: `table ${table}`,
      summary: `${table} has policies (${policies}), but row-level security is off.`,
      remedy: {
        text: 'Enable and force it.',
        sql: [`alter table ${table} enable row level security`, `alter table ${table} force row level security`],
        lock: 'access exclusive on the table, for a moment',
        undo: `alter table ${table} disable row level security`,
      },
    })),
})
