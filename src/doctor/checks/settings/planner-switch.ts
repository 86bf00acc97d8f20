import { defineCheck, ORDER } from '../../check.js'
import { type Setting, settingRemedy } from '../../setting.js'

/** V8: kinds of plans that are switched off for everybody. */
export const plannerSwitch = defineCheck<Setting>({
  id: 'planner-switch',
  title: 'Kinds of plans that are switched off',
  area: 'settings',
  level: 'warning',
  order: ORDER.settings,
  scope: 'switches of the planner',
  absent: '',
  why: 'An enable_ setting that is off helps one statement and harms others, now or when the data have grown.',
  when: 'A setting enable_… is off though its default is on, for the whole server, this database or this role.',
  advice: 'Put it back, and find out why the one plan was bad: usually statistics or a cost setting.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('name', s.name, 'value', s.reset_val, 'unit', s.unit, 'source', s.source,
        'context', s.context) order by s.name) filter (where s.reset_val = 'off' and s.boot_val = 'on') as found
    from pg_settings s where s.name like 'enable\\_%' and s.vartype = 'bool'`,
  evaluate: (rows) =>
    rows.map((setting) => ({
      object: `setting ${setting.name}`,
      summary: `${setting.name} is off (${setting.source}).`,
      remedy: settingRemedy(setting, 'on', 'Put it back; set it for the one function or transaction that needs it.'),
    })),
})
