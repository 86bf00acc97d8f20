import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly table: string
  readonly policy: string
  readonly expression: string
  readonly kind: 'error' | 'empty'
}

/** 2.8: policies that fail, or let through, when no tenant is set. */
export const rlsMissingSetting = defineCheck<Row>({
  id: 'rls-missing-setting',
  title: 'Policies that do not expect an unset tenant',
  area: 'security',
  level: 'warning',
  order: ORDER.security,
  scope: 'policies',
  absent: 'there are no policies',
  why: 'A setting that no transaction has set makes current_setting(name) an error. After SET LOCAL it is the empty string, not null: a policy that treats "not set" as "everything" must mean both, and a cast of the empty string fails.',
  when: 'A policy calls current_setting() without its second argument (info); or it lets every row through when the setting is null or empty (warning).',
  advice: "Use nullif(current_setting(name, true), ''), and deny when it is null: a comparison with null does.",
  sql: `
    with policies as (
      select p.polrelid, p.polname, concat_ws(' / ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)) as expression
      from pg_policy p
    ),
    judged as (
      select p.*, case when p.expression ~ 'current_setting\\(''[^'']*''::text(, true)?\\)[^)]*\\)* IS NULL\\)* OR|OR \\(*current_setting\\(''[^'']*''::text(, true)?\\)[^)]*\\)* (IS NULL|= ''''::text)'
          or p.expression ~ 'current_setting\\(''[^'']*''::text(, true)?\\) = ''''::text\\)* OR' then 'empty'
        when p.expression ~ 'current_setting\\(''[^'']*''::text\\)' then 'error' end as kind
      from policies p
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', j.polrelid::regclass, 'policy', j.polname, 'expression', left(j.expression, 500), 'kind', j.kind)
        order by j.polrelid::regclass::text, j.polname) filter (where j.kind is not null) as found
    from judged j`,
  evaluate: (rows) =>
    rows.map(({ table, policy, expression, kind }) => ({
      object: `policy ${policy} on ${table}`,
      level: kind === 'empty' ? ('warning' as const) : ('info' as const),
      summary:
        kind === 'empty'
          ? `Policy ${policy} of ${table} lets every row through when the setting is not set.`
          : `Policy ${policy} of ${table} is an error when the setting was never set.`,
      evidence: [expression],
      remedy: {
        text: "Alter the policy: column = (select nullif(current_setting('…', true), '')).",
        lock: 'access exclusive on the table, for a moment',
        undo: 'alter the policy back',
      },
    })),
})
