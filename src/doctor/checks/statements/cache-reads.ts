import { defineCheck, ORDER } from '../../check.js'
import { count, percent } from '../../figures.js'

interface Row {
  readonly hits: number
  readonly reads: number
  readonly evictions: number
}

/** Reads a second below which a share means nothing. */
export const READS_MIN = 100

/** Q6: how much is read from outside the buffers, while the server is watched. */
export const cacheReads = defineCheck<Row>({
  id: 'cache-reads',
  title: 'Reads that miss shared_buffers',
  area: 'statements',
  level: 'info',
  order: ORDER.advice,
  depth: 'sample',
  versions: { from: 16 },
  scope: 'servers',
  absent: '',
  why: 'A page that is not in shared_buffers comes from the cache of the system or from the disk: PostgreSQL cannot tell which. By itself a low share is no fault; it says where to look when statements are slow.',
  when: 'While sampling, sessions found less than the threshold of their pages in shared_buffers, at a hundred reads a second and more.',
  advice:
    'Look at the statements that read most first. More shared_buffers helps when evictions are many and memory is free.',
  uses: ['cacheShare'],
  sql: {
    15: `select 0 as total, 0 as examined, '[]'::jsonb as found`,
    16: `
    select 1 as total, 1 as examined, jsonb_build_array(jsonb_build_object('hits', sum(i.hits), 'reads', sum(i.reads),
      'evictions', sum(i.evictions))) as found
    from pg_stat_io i where i.object = 'relation' and i.context = 'normal' and i.backend_type in ('client backend', 'background worker')`,
  },
  evaluate: ([row], { before: [first], seconds, thresholds: { cacheShare } }) => {
    const begun = first as Row | undefined
    if (row === undefined || begun === undefined) return []
    const [hits, reads, evictions] = [row.hits - begun.hits, row.reads - begun.reads, row.evictions - begun.evictions]
    const share = hits / Math.max(1, hits + reads)
    if (reads < READS_MIN * seconds || share >= cacheShare) return []
    return [
      {
        object: 'shared_buffers',
        summary: `${percent(share)} of the pages were found in shared_buffers: ${count(reads / seconds)} reads and ${count(evictions / seconds)} evictions a second.`,
        remedy: { text: 'Look at the statements that read most.', lock: 'none', undo: 'none needed' },
      },
    ]
  },
})
