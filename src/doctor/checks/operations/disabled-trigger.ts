import { defineCheck, ORDER } from '../../check.js'
import { counted } from '../../figures.js'

interface Row {
  readonly table: string
  readonly triggers: readonly string[]
  readonly constraints: number
}

/** 2.11: triggers, and with them foreign keys, that are switched off. */
export const disabledTrigger = defineCheck<Row>({
  id: 'disabled-trigger',
  title: 'Triggers that are switched off',
  area: 'operations',
  level: 'error',
  order: ORDER.structure,
  scope: 'triggers',
  absent: 'there are no triggers',
  why: 'ALTER TABLE … DISABLE TRIGGER ALL, after a bulk load for example, switches foreign keys off too: rows that refer to nothing get in unnoticed.',
  when: 'A trigger of a foreign key is disabled (error), or one that a user made (info).',
  advice: 'Enable them. Rows that came in meanwhile are not checked by that: look for them first.',
  sql: `
    with disabled as (
      select t.tgrelid, coalesce(jsonb_agg(quote_ident(t.tgname) order by t.tgname) filter (where not t.tgisinternal), '[]') as triggers,
        count(*) filter (where t.tgisinternal) as constraints
      from pg_trigger t where t.tgenabled = 'D' group by 1
    )
    select (select count(*) from pg_trigger)::int as total, (select count(*) from pg_trigger)::int as examined,
      jsonb_agg(jsonb_build_object('table', d.tgrelid::regclass, 'triggers', d.triggers, 'constraints', d.constraints) order by d.tgrelid::regclass::text) as found
    from disabled d`,
  evaluate: (rows) =>
    rows.map(({ table, triggers, constraints }) => ({
      object: `table ${table}`,
      level: constraints > 0 ? ('error' as const) : ('info' as const),
      summary:
        constraints > 0
          ? `${counted(constraints, 'trigger')} of foreign keys of ${table} ${constraints === 1 ? 'is' : 'are'} off: references are not checked.`
          : `${triggers.join(', ')} of ${table} ${triggers.length === 1 ? 'is' : 'are'} off.`,
      evidence: constraints > 0 && triggers.length > 0 ? [`also off: ${triggers.join(', ')}`] : [],
      remedy:
        constraints > 0
          ? {
              text: 'Enable them, then look for rows that refer to nothing.',
              sql: [`alter table ${table} enable trigger all`],
              lock: 'share row exclusive on the table, for a moment',
              undo: `alter table ${table} disable trigger all`,
            }
          : {
              text: 'Enable or drop them, unless they are off on purpose.',
              sql: triggers.map((trigger) => `alter table ${table} enable trigger ${trigger}`),
              lock: 'share row exclusive on the table, for a moment',
              undo: 'disable them again',
            },
    })),
})
