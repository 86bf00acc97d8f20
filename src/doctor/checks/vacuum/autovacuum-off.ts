import { defineCheck, ORDER } from '../../check.js'
import { type Setting, settingRemedy } from '../../setting.js'

/** A1: is autovacuum at work at all? */
export const autovacuumOff = defineCheck<Setting>({
  id: 'autovacuum-off',
  title: 'Autovacuum is switched off',
  area: 'vacuum',
  level: 'error',
  order: ORDER.vacuum,
  scope: 'settings',
  absent: '',
  why: 'Nothing removes dead rows or keeps statistics. Tables grow without end, plans go wrong, and at last the server forces vacuums against wraparound.',
  when: 'autovacuum is off, or track_counts, without which it does not know where to work.',
  advice: 'Switch it on. When it seemed too slow or too heavy, change its cost limit instead.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('name', s.name, 'value', s.reset_val, 'unit', s.unit, 'source', s.source,
        'context', s.context) order by s.name) filter (where s.reset_val = 'off') as found
    from pg_settings s where s.name in ('autovacuum', 'track_counts')`,
  evaluate: (rows) =>
    rows.map((setting) => ({
      object: `setting ${setting.name}`,
      summary: `${setting.name} is off.`,
      remedy: settingRemedy(setting, 'on', 'Switch it on; at first it has much to do.'),
    })),
})
