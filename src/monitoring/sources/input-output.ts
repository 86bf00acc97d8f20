import { WRITING_METRICS } from '../metrics/writing.js'
import type { Source } from './source.js'

/** Reads and writes by who made them; kinds that never happened are left out. */
export const inputOutput: Source = {
  id: 'input-output',
  title: 'reads and writes by kind of process',
  versions: { from: 16 },
  groups: [WRITING_METRICS.io],
  sql: {
    16: `
      select i.backend_type, i.object, i.context, i.reads as reads_total, i.reads * i.op_bytes as read_bytes_total, i.read_time / 1000 as read_seconds_total,
        i.writes as writes_total, i.writes * i.op_bytes as write_bytes_total, i.write_time / 1000 as write_seconds_total,
        i.extends as extends_total, i.hits as hits_total, i.evictions as evictions_total, i.fsyncs as fsyncs_total
      from pg_stat_io i
      where coalesce(i.reads, 0) + coalesce(i.writes, 0) + coalesce(i.extends, 0) + coalesce(i.hits, 0) + coalesce(i.fsyncs, 0) > 0`,
    18: `
      select i.backend_type, i.object, i.context, i.reads as reads_total, i.read_bytes as read_bytes_total, i.read_time / 1000 as read_seconds_total,
        i.writes as writes_total, i.write_bytes as write_bytes_total, i.write_time / 1000 as write_seconds_total,
        i.extends as extends_total, i.hits as hits_total, i.evictions as evictions_total, i.fsyncs as fsyncs_total
      from pg_stat_io i
      where coalesce(i.reads, 0) + coalesce(i.writes, 0) + coalesce(i.extends, 0) + coalesce(i.hits, 0) + coalesce(i.fsyncs, 0) > 0`,
  },
}
