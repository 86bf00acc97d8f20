import { TABLE_METRICS } from '../metrics/tables.js'
import type { Source } from './source.js'

/** Vacuums under way; a table of another database is told by its number. */
const vacuums = (dead: string) => `
  select p.datname, coalesce(c.relname, p.relid::text) as relname, p.phase, p.heap_blks_total as heap_blks,
    p.heap_blks_scanned, p.heap_blks_vacuumed, p.index_vacuum_count as index_vacuums, ${dead}
  from pg_stat_progress_vacuum p left join pg_class c on c.oid = p.relid and p.datname = current_database()
  where p.relid is not null
  order by p.heap_blks_total desc
  limit $1::int`

/** How far vacuums are that run now. */
export const vacuumProgress: Source = {
  id: 'vacuum-progress',
  title: 'vacuums under way',
  needs: { all: true, rights: 'pg_monitor' },
  groups: [TABLE_METRICS.vacuum, TABLE_METRICS.vacuumPhase],
  isLimited: true,
  sql: {
    15: vacuums('p.max_dead_tuples, p.num_dead_tuples'),
    17: vacuums('p.max_dead_tuple_bytes, p.dead_tuple_bytes, p.num_dead_item_ids'),
  },
}
