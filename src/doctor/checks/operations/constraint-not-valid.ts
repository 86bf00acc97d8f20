import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly table: string
  readonly constraint: string
  readonly definition: string
  readonly foreign: boolean
}

/** 2.11: constraints that old rows may break. */
export const constraintNotValid = defineCheck<Row>({
  id: 'constraint-not-valid',
  title: 'Constraints that were never validated',
  area: 'operations',
  level: 'info',
  order: ORDER.structure,
  scope: 'constraints',
  absent: 'there are no constraints',
  why: 'A NOT VALID constraint holds for new rows only; rows from before may break it, and the planner does not rely on it. Often the second step was forgotten.',
  when: 'A foreign key or check is not validated, and is enforced.',
  advice: 'Validate it. That reads the table, and lets reads and writes go on.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', k.conrelid::regclass, 'constraint', quote_ident(k.conname), 'definition', pg_get_constraintdef(k.oid),
        'foreign', k.contype = 'f') order by k.conrelid::regclass::text, k.conname)
        filter (where not k.convalidated and k.conparentid = 0 and coalesce((to_jsonb(k) ->> 'conenforced')::bool, true)) as found
    from pg_constraint k join pg_namespace n on n.oid = k.connamespace
    where k.conrelid <> 0 and n.nspname not in ('pg_catalog', 'information_schema')`,
  evaluate: (rows) =>
    rows.map(({ table, constraint, definition, foreign }) => ({
      object: `constraint ${constraint} on ${table}`,
      summary: `${constraint} of ${table} was never validated.`,
      evidence: [definition],
      remedy: {
        text: 'Validate it; when that fails, correct the rows that it names.',
        sql: [`alter table ${table} validate constraint ${constraint}`],
        lock: `share update exclusive on the table${foreign ? ', row share on the referenced one' : ''}: reads and writes go on`,
        undo: 'none needed',
      },
    })),
})
