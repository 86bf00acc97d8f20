import { WRITING_METRICS } from '../metrics/writing.js'
import type { Source } from './source.js'

/** The background writer; up to 16 it counts what the checkpointer does too. */
export const backgroundWriter: Source = {
  id: 'background-writer',
  title: 'the background writer',
  groups: [WRITING_METRICS.bgwriter],
  sql: {
    15: `
      select b.checkpoints_timed as checkpoints_timed_total, b.checkpoints_req as checkpoints_req_total,
        b.checkpoint_write_time as checkpoint_write_time_total, b.checkpoint_sync_time as checkpoint_sync_time_total,
        b.buffers_checkpoint as buffers_checkpoint_total, b.buffers_backend as buffers_backend_total,
        b.buffers_backend_fsync as buffers_backend_fsync_total, b.buffers_clean as buffers_clean_total,
        b.maxwritten_clean as maxwritten_clean_total, b.buffers_alloc as buffers_alloc_total,
        extract(epoch from b.stats_reset)::float8 as stats_reset_total
      from pg_stat_bgwriter b`,
    17: `
      select b.buffers_clean as buffers_clean_total, b.maxwritten_clean as maxwritten_clean_total,
        b.buffers_alloc as buffers_alloc_total, extract(epoch from b.stats_reset)::float8 as stats_reset_total
      from pg_stat_bgwriter b`,
  },
}
