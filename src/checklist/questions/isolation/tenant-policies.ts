import { defineQuestion } from '../../question.js'

/** Every tenant sees its own rows alone. */
export const tenantPolicies = defineQuestion({
  id: 'tenant-policies',
  concern: 'isolation',
  question: 'Is row-level security in force on every table and partition that has tenants?',
  why: 'A table, partition or view that the policies leave out shows the rows of all tenants. Policies have to be forced, else they do not hold the owner of a table.',
  how: 'The tables of pgfleet whose key begins with the tenant are looked at in the catalogue: each has row-level security, forced.',
  mend: 'pgfleet doctor --check rls-disabled rls-partition-gap rls-view; pgfleet doctor --prove-tenancy tries it',
  checks: ['rls-disabled', 'rls-partition-gap', 'rls-view', 'permissive-policy', 'rls-missing-setting'],
  async ask({ query }) {
    const [row] = await query<{ tables: number; open: readonly string[] }>(`
      select count(*)::int as tables, coalesce(array_agg(c.oid::regclass::text order by 1)
        filter (where not c.relrowsecurity or not c.relforcerowsecurity), '{}') as open
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('learning', 'memory', 'delivery', 'metadata') and c.relkind in ('r', 'p')
        and exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped)`)
    if (row === undefined || row.tables === 0) return undefined
    if (row.open.length > 0) return { answer: 'no', evidence: [`not forced: ${row.open.slice(0, 5).join(', ')}`] }
    return { answer: 'yes', evidence: [`forced on ${row.tables} tables and partitions`] }
  },
})
