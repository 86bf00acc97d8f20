import { WRITING_METRICS } from '../metrics/writing.js'
import type { Source } from './source.js'

/** Checkpoints by kind, the same on every version. */
export const checkpoints: Source = {
  id: 'checkpoints',
  title: 'checkpoints by what caused them',
  groups: [WRITING_METRICS.checkpoints],
  sql: {
    15: `
      select k.kind, k.checkpoints_total
      from pg_stat_bgwriter b cross join lateral (values ('timed', b.checkpoints_timed), ('requested', b.checkpoints_req)) k (kind, checkpoints_total)`,
    17: `
      select k.kind, k.checkpoints_total
      from pg_stat_checkpointer c cross join lateral (values ('timed', c.num_timed), ('requested', c.num_requested)) k (kind, checkpoints_total)`,
  },
}
