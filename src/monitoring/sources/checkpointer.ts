import { WRITING_METRICS } from '../metrics/writing.js'
import type { Source } from './source.js'

/** The checkpointer, which has a view of its own since 17. */
export const checkpointer: Source = {
  id: 'checkpointer',
  title: 'the checkpointer',
  versions: { from: 17 },
  groups: [WRITING_METRICS.checkpointer],
  sql: `
    select c.num_timed as num_timed_total, c.num_requested as num_requested_total, c.restartpoints_timed as restartpoints_timed_total,
      c.restartpoints_req as restartpoints_req_total, c.restartpoints_done as restartpoints_done_total,
      c.write_time as write_time_total, c.sync_time as sync_time_total, c.buffers_written as buffers_written_total,
      extract(epoch from c.stats_reset)::float8 as stats_reset_total
    from pg_stat_checkpointer c`,
}
