import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly name: string
  readonly value: string
  readonly unit: string | null
}

/** V3: settings that were changed and have no effect yet. */
export const pendingRestart = defineCheck<Row>({
  id: 'pending-restart',
  title: 'Settings that wait for a restart',
  area: 'settings',
  level: 'warning',
  order: ORDER.settings,
  scope: 'settings',
  absent: '',
  why: 'Somebody changed these settings and the server still runs with the old values. The next restart, planned or not, changes its behaviour.',
  when: 'pg_settings says that a setting in the configuration takes effect at a restart only. Settings of the command line are left out: they stay what they are.',
  advice: 'Restart when it suits, or take the change back.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('name', s.name, 'value', s.setting, 'unit', s.unit) order by s.name)
        filter (where s.pending_restart and s.source <> 'command line') as found
    from pg_settings s`,
  evaluate: (rows) =>
    rows.map(({ name, value, unit }) => ({
      object: `setting ${name}`,
      summary: `${name} was changed; the server still runs with ${value}${unit === null ? '' : ` (in ${unit})`}.`,
      remedy: {
        text: 'Restart the server when it suits; or take the change back. This writes the present value over it.',
        sql: [`alter system set ${name} = '${value.replaceAll("'", "''")}'`, 'select pg_reload_conf()'],
        lock: 'none; a restart ends all sessions',
        undo: `alter system set ${name} to the value it had, or reset it`,
      },
    })),
})
