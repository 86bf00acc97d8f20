import { defineCheck, type Level, ORDER } from '../../check.js'
import { type Setting, settingRemedy } from '../../setting.js'

const FAULTS: Readonly<
  Record<string, { when: (value: number) => boolean; to: string; level: Level; what: string; text: string }>
> = {
  autovacuum_naptime: {
    when: (value) => value > 60,
    to: '60s',
    level: 'warning',
    what: 'workers look at a database less than once a minute',
    text: 'Set it to a minute.',
  },
  autovacuum_vacuum_insert_threshold: {
    when: (value) => value < 0,
    to: '1000',
    level: 'warning',
    what: 'tables that are only inserted into are frozen in one go at last, and index-only scans of them read the table',
    text: 'Set it to the default.',
  },
  log_autovacuum_min_duration: {
    when: (value) => value < 0,
    to: '10min',
    level: 'info',
    what: 'long vacuums leave no trace in the log',
    text: 'Log those that take long.',
  },
  autovacuum_work_mem: {
    when: (value) => value < 0,
    to: '512MB',
    level: 'warning',
    what: 'each worker may take maintenance_work_mem, which is 1 GB or more',
    text: 'Give workers a limit of their own.',
  },
}

/** A4 and M5: settings of autovacuum that make it come late. */
export const autovacuumSettings = defineCheck<Setting & { readonly maintenance: number; readonly major: number }>({
  id: 'autovacuum-settings',
  title: 'Settings that hinder autovacuum',
  area: 'vacuum',
  level: 'warning',
  order: ORDER.settings,
  scope: 'settings',
  absent: '',
  why: 'These settings make autovacuum come late, work in secret or take more memory than expected.',
  when: 'autovacuum_naptime is above a minute; inserts trigger no vacuum; long vacuums are not logged (info); or on PostgreSQL 17 and newer autovacuum_work_mem is -1 while maintenance_work_mem is 1 GB or more: workers are no longer limited to 1 GB there.',
  advice: 'Set the defaults again; give autovacuum_work_mem a value of its own when maintenance_work_mem is large.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('name', s.name, 'value', s.setting, 'unit', s.unit, 'source', s.source,
        'context', s.context, 'major', current_setting('server_version_num')::int / 10000,
        'maintenance', (select m.setting::float8 from pg_settings m where m.name = 'maintenance_work_mem')) order by s.name) as found
    from pg_settings s
    where s.name in ('autovacuum_naptime', 'autovacuum_vacuum_insert_threshold', 'log_autovacuum_min_duration', 'autovacuum_work_mem')`,
  evaluate: (rows) =>
    rows.flatMap((setting) => {
      const { name, value, maintenance, major } = setting
      if (name === 'autovacuum_work_mem' && value === '-1' && (major < 17 || maintenance < 1024 * 1024)) return []
      const fault = FAULTS[name]
      if (fault === undefined || !fault.when(Number(value))) return []
      return [
        {
          object: `setting ${name}`,
          level: fault.level,
          summary: `${name} is ${value}${setting.unit === null || value === '-1' ? '' : ` (in ${setting.unit})`}: ${fault.what}.`,
          remedy: settingRemedy(setting, fault.to, fault.text),
        },
      ]
    }),
})
