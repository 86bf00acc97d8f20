import { defineCheck, ORDER } from '../../check.js'
import { type Setting, settingRemedy } from '../../setting.js'

const WANTED: Readonly<Record<string, { off: string; to: string; what: string; text: string }>> = {
  log_lock_waits: {
    off: 'off',
    to: 'on',
    what: 'waits for locks longer than deadlock_timeout leave no trace',
    text: 'Log them.',
  },
  log_temp_files: { off: '-1', to: '10MB', what: 'sorts on disk leave no trace', text: 'Log the large ones.' },
  log_checkpoints: { off: 'off', to: 'on', what: 'checkpoints leave no trace', text: 'Log them: a line each.' },
  track_io_timing: {
    off: 'off',
    to: 'on',
    what: 'nobody can tell how long reads take',
    text: 'Switch it on, after pg_test_timing has shown that the clock is fast.',
  },
  compute_query_id: {
    off: 'off',
    to: 'auto',
    what: 'statements in log and activity have no id',
    text: 'Set it to auto.',
  },
}

/** 2.11: what will be missing when something has happened. */
export const logging = defineCheck<Setting>({
  id: 'logging',
  title: 'Traces that will be missing',
  area: 'operations',
  level: 'info',
  order: ORDER.advice,
  scope: 'settings',
  absent: '',
  why: 'After an incident the log is all there is. These settings cost little.',
  when: 'Waits for locks, temporary files or checkpoints are not logged, reads are not timed, or statements get no id.',
  advice: 'Switch them on; none needs a restart.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('name', s.name, 'value', s.reset_val, 'unit', s.unit, 'source', s.source, 'context', s.context) order by s.name) as found
    from pg_settings s where s.name in ('log_lock_waits', 'log_temp_files', 'log_checkpoints', 'track_io_timing', 'compute_query_id')`,
  evaluate: (rows) =>
    rows.flatMap((setting) => {
      const wanted = WANTED[setting.name]
      if (wanted === undefined || setting.value !== wanted.off) return []
      return [
        {
          object: `setting ${setting.name}`,
          summary: `${setting.name} is ${setting.value}: ${wanted.what}.`,
          remedy: settingRemedy(setting, wanted.to, wanted.text),
        },
      ]
    }),
})
