import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly column: string
  readonly type: string
}

/** 2.8: columns that stand in the way of pg_upgrade. */
export const upgradeType = defineCheck<Row>({
  id: 'upgrade-type',
  title: 'Columns that pg_upgrade refuses',
  area: 'operations',
  level: 'info',
  order: ORDER.advice,
  scope: 'columns',
  absent: 'there are no columns',
  why: 'Types such as regproc or regclass name objects by numbers that a new cluster gives anew: pg_upgrade refuses databases that have stored them, at the worst moment to learn of it.',
  when: 'A column of a table has one of the types regproc, regprocedure, regoper, regoperator, regconfig, regdictionary, regnamespace or regcollation. regclass, regrole and regtype are kept by pg_upgrade.',
  advice: 'Store the name as text, and cast it when it is used.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('column', a.attrelid::regclass || '.' || quote_ident(a.attname), 'type', format_type(a.atttypid, null))
        order by a.attrelid::regclass::text, a.attname)
        filter (where a.atttypid in ('regproc'::regtype, 'regprocedure'::regtype, 'regoper'::regtype, 'regoperator'::regtype,
          'regconfig'::regtype, 'regdictionary'::regtype, 'regnamespace'::regtype, 'regcollation'::regtype)) as found
    from pg_attribute a join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'm') and c.relpersistence <> 't'
    join pg_namespace n on n.oid = c.relnamespace
    where a.attnum > 0 and not a.attisdropped and n.nspname not in ('pg_catalog', 'information_schema')`,
  evaluate: (rows) =>
    rows.map(({ column, type }) => ({
      object: `column ${column}`,
      summary: `${column} is ${type}: pg_upgrade refuses the database.`,
      remedy: {
        text: 'Change it to text.',
        lock: 'access exclusive on the table while it is rewritten',
        undo: 'change the type back',
      },
    })),
})
