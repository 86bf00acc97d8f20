import { SERVER_METRICS } from '../metrics/server.js'
import { type SettingRow, settingSample } from '../metrics/setting.js'
import { type Source, samplesOf } from './source.js'

/** Settings that wait for a restart; every setting that is a number is told beside it. */
export const settings: Source = {
  id: 'settings',
  title: 'settings that are numbers, and those that wait for a restart',
  groups: [SERVER_METRICS.settings],
  sql: `
    select s.name, s.setting, s.unit, s.vartype, null::bigint as pending_restart
    from pg_settings s where s.vartype in ('bool', 'integer', 'real')
    union all
    select null, null, null, null, count(*) filter (where s.pending_restart) from pg_settings s`,
  samples: (rows) => [
    ...samplesOf([SERVER_METRICS.settings], rows),
    ...rows.flatMap((row) => (row.name === null ? [] : (settingSample(row as unknown as SettingRow) ?? []))),
  ],
}
