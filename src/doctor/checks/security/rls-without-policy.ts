import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly table: string
}

/** 2.8: tables of which nobody sees anything. */
export const rlsWithoutPolicy = defineCheck<Row>({
  id: 'rls-without-policy',
  title: 'Row-level security without a policy',
  area: 'security',
  level: 'info',
  order: ORDER.advice,
  scope: 'tables with row-level security',
  absent: 'no table has row-level security',
  why: 'Without a policy nobody sees a row but those whom row-level security does not hold. That may be meant, and is often forgotten.',
  when: 'Row-level security is enabled for a table that is no partition, and it has no policy.',
  advice: 'Write the policy, or note here why there is none.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', c.oid::regclass) order by c.oid::regclass::text)
        filter (where not c.relispartition and not exists (select from pg_policy p where p.polrelid = c.oid)) as found
    from pg_class c where c.relrowsecurity and c.relkind in ('r', 'p')`,
  evaluate: (rows) =>
    rows.map(({ table }) => ({
      object: `table ${table}`,
      summary: `${table} has row-level security and no policy: only those see rows whom it does not hold.`,
      remedy: {
        text: 'Write the policy that is missing.',
        lock: 'access exclusive on the table, for a moment',
        undo: 'drop the policy',
      },
    })),
})
