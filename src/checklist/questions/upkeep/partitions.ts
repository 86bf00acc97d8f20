import { defineQuestion } from '../../question.js'

/** Next month is to have its tables. */
export const partitions = defineQuestion({
  id: 'partitions',
  concern: 'upkeep',
  question: 'Are the partitions of the coming months there, and those of the past in order?',
  why: 'A row of a month without a partition is refused, or ends up in a default partition that nothing drops.',
  how: 'Of each table of months the partition of the next month is looked for, by UTC.',
  mend: 'pgfleet maintain --once --service partitions-ahead',
  checks: ['next-partition', 'default-partition-rows', 'partition-index', 'detach-pending', 'future-rows'],
  async ask({ query, schema }) {
    if (schema === undefined || schema.version === 0) return undefined
    const tables = await query<{ name: string; there: boolean }>(`
      select t.schema_name || '.' || t.table_name as name,
        to_regclass(format('%I.%I', t.schema_name, t.table_name || to_char((now() at time zone 'UTC') + interval '1 month', '"_p"YYYYMM'))) is not null as there
      from platform.partitioned_tables t order by 1`)
    const missing = tables.filter(({ there }) => !there).map(({ name }) => name)
    if (missing.length > 0) return { answer: 'no', evidence: [`next month’s is missing: ${missing.join(', ')}`] }
    return { answer: 'yes', evidence: [`next month’s is there for ${tables.length} tables`] }
  },
})
