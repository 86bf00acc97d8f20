import { defineQuestion } from '../../question.js'

/** An approximate index is to find the nearest. */
export const vectors = defineQuestion({
  id: 'vectors',
  concern: 'performance',
  question: 'Do searches of vectors find the nearest, and fit the memory?',
  why: 'How many neighbours and how much effort a search needs follows from the vectors themselves and from the filters on them, not from their dimensions: it is measured against an exact search.',
  how: 'Tables with vectors are looked for in the statistics; `--deep` has the indexes compared with exact searches.',
  mend: 'pgfleet checklist --deep measures it; docs/vectors.md says what to change',
  checks: ['vector-operator', 'vector-index-memory', 'vector-recall', 'vector-filter', 'vector-group-recall'],
  async ask({ query }) {
    const [row] = await query<{ rows: number }>(`
      select coalesce(sum(s.n_live_tup), 0)::float8 as rows from pg_stat_user_tables s
      where exists (select from pg_attribute a join pg_type t on t.oid = a.atttypid
        where a.attrelid = s.relid and a.attnum > 0 and t.typname in ('vector', 'halfvec'))`)
    return row?.rows === 0 ? { answer: 'not applicable', evidence: ['no table has a vector'] } : undefined
  },
})
