import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly table: string
  readonly policy: string
  readonly expression: string
  readonly indexed: boolean
}

/** 2.8: policies that ask for the same setting for every row. */
export const rlsPerRow = defineCheck<Row>({
  id: 'rls-per-row',
  title: 'Policies that read a setting for every row',
  area: 'security',
  level: 'warning',
  order: ORDER.advice,
  scope: 'policies',
  absent: 'there are no policies',
  why: 'current_setting() in a filter is evaluated for each row that a scan meets. Inside (select …) it is evaluated once. As the condition of an index scan it is evaluated once anyhow.',
  when: 'The expression of a policy calls current_setting() or current_user outside a sub-select: info when an index begins with a column of the policy, warning when none does.',
  advice: 'Write (select current_setting(…, true)).',
  sql: `
    with policies as (
      select p.polrelid, p.polname, concat_ws(' / ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) as expression,
        exists (select from pg_depend d join pg_index i on i.indrelid = p.polrelid and i.indkey[0] = d.refobjsubid and i.indisvalid
          where d.classid = 'pg_policy'::regclass and d.objid = p.oid and d.refobjid = p.polrelid and d.refobjsubid > 0) as indexed
      from pg_policy p
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', p.polrelid::regclass, 'policy', p.polname, 'expression', left(p.expression, 500), 'indexed', p.indexed)
        order by p.polrelid::regclass::text, p.polname)
        filter (where regexp_replace(p.expression, '\\( SELECT (?:[^()]|\\([^()]*\\)|\\((?:[^()]|\\([^()]*\\))*\\))*\\)', '', 'g') ~ 'current_setting\\(') as found
    from policies p`,
  evaluate: (rows) =>
    rows.map(({ table, policy, expression, indexed }) => ({
      object: `policy ${policy} on ${table}`,
      level: indexed ? ('info' as const) : ('warning' as const),
      summary: `Policy ${policy} of ${table} reads a setting for each row that a filter meets.`,
      evidence: [
        expression,
        indexed ? 'an index begins with a column of the policy' : 'no index begins with a column of the policy',
      ],
      remedy: {
        text: 'Alter the policy: put each current_setting(…) into a sub-select, (select current_setting(…, true)).',
        lock: 'access exclusive on the table, for a moment',
        undo: 'alter the policy back',
      },
    })),
})
