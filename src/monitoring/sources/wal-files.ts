import { WRITING_METRICS } from '../metrics/writing.js'
import type { Source } from './source.js'

/** WAL as it lies on disk. */
export const walFiles: Source = {
  id: 'wal-files',
  title: 'WAL files on disk',
  needs: { rights: 'pg_monitor' },
  groups: [WRITING_METRICS.files],
  sql: `
    select count(*) as segments, coalesce(sum(f.size), 0) as size_bytes from pg_ls_waldir() f where f.name ~ '^[0-9A-F]{24}$'`,
}
