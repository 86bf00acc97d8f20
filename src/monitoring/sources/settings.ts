import { SERVER_METRICS } from '../metrics/server.js'
import type { Source } from './source.js'

/** Settings that wait for a restart; every setting that is a number is told beside it. */
export const settings: Source = {
  id: 'settings',
  title: 'settings that are numbers, and those that wait for a restart',
  pace: 'slow',
  groups: [SERVER_METRICS.settings],
  sql: `
    select s.name, s.setting, s.unit, s.vartype, s.short_desc, null::bigint as pending_restart
    from pg_settings s where s.vartype in ('bool', 'integer', 'real')
    union all
    select null, null, null, null, null, count(*) filter (where s.pending_restart) from pg_settings s`,
}
