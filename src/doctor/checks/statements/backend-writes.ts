import { defineCheck, ORDER } from '../../check.js'
import { bytes, percent } from '../../figures.js'

interface Row {
  readonly written: number
  readonly backends: number
  readonly syncs: number
}

/** Pages a second below which a share means nothing. */
const PAGES_MIN = 50
/** Pages written by sessions themselves, of all. */
const SHARE = 0.3

/** Q8: sessions that write pages because nobody did it for them. */
export const backendWrites = defineCheck<Row>({
  id: 'backend-writes',
  title: 'Sessions that write pages themselves',
  area: 'statements',
  level: 'info',
  order: ORDER.settings,
  depth: 'sample',
  versions: { from: 16 },
  scope: 'servers',
  absent: '',
  why: 'A session that needs a buffer and finds only changed ones has to write one before it can read: the statement waits. The background writer and checkpoints ought to have done so; and a session that has to sync a file itself shows that the checkpointer cannot keep up.',
  when: `While sampling, sessions wrote ${SHARE * 100} % and more of all changed pages of tables, at ${PAGES_MIN} pages a second and more; or synced a file. Bulk reads and writes, and vacuum, write their own by design and are not counted.`,
  advice:
    'Raise bgwriter_lru_maxpages and lower bgwriter_delay; more shared_buffers help when the same pages are changed again and again.',
  sql: {
    15: `select 0 as total, 0 as examined, '[]'::jsonb as found`,
    16: `
    select 1 as total, 1 as examined, jsonb_build_array(jsonb_build_object('written', coalesce(sum(i.writes), 0),
      'backends', coalesce(sum(i.writes) filter (where i.backend_type = 'client backend'), 0),
      'syncs', coalesce(sum(i.fsyncs) filter (where i.backend_type = 'client backend'), 0))) as found
    from pg_stat_io i where i.object = 'relation' and i.context = 'normal'`,
  },
  evaluate: ([row], { before: [first], seconds }) => {
    const begun = first as Row | undefined
    if (row === undefined || begun === undefined) return []
    const [written, backends] = [row.written - begun.written, row.backends - begun.backends]
    const syncs = row.syncs - begun.syncs
    if (syncs <= 0 && (backends < PAGES_MIN * seconds || backends < SHARE * written)) return []
    return [
      {
        object: 'sessions',
        summary: `Sessions wrote ${percent(backends / Math.max(1, written))} of the changed pages themselves, ${bytes((backends / seconds) * 8192)} a second${syncs > 0 ? `, and synced ${syncs} files` : ''}.`,
        remedy: {
          text: 'Let the background writer do more: bgwriter_lru_maxpages, bgwriter_delay.',
          sql: [`alter system set bgwriter_lru_maxpages = 500`, 'select pg_reload_conf()'],
          lock: 'none',
          undo: 'alter system reset bgwriter_lru_maxpages, then reload',
        },
      },
    ]
  },
})
