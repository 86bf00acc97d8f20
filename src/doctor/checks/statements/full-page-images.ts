import { defineCheck, ORDER } from '../../check.js'
import { bytes, percent } from '../../figures.js'

interface Row {
  readonly images: number
  readonly walBytes: number
  readonly compression: string
  readonly best: string
}

/** WAL below which a share means nothing. */
const WAL_MIN = 10 * 1024 ** 3

/** Q8: whole pages in the WAL. */
export const fullPageImages = defineCheck<Row>({
  id: 'full-page-images',
  title: 'Whole pages in the WAL',
  area: 'statements',
  level: 'info',
  order: ORDER.settings,
  scope: 'servers',
  absent: '',
  why: 'They are what makes a crash harmless, and cost most when checkpoints come often and keys are random.',
  when: 'After 10 GB of WAL and more, images of pages (before compression) come to more than the threshold of it, and wal_compression is off.',
  advice:
    'Compress them: lz4 or zstd where the server was built with it. Rarer checkpoints and time-ordered keys make them fewer. Never switch full_page_writes off for it.',
  uses: ['fullPageShare'],
  sql: `
    select 1 as total, 1 as examined, jsonb_build_array(jsonb_build_object('images', w.wal_fpi, 'walBytes', w.wal_bytes,
      'compression', s.setting, 'best', case when 'lz4' = any (s.enumvals) then 'lz4' when 'zstd' = any (s.enumvals) then 'zstd' else 'pglz' end)) as found
    from pg_stat_wal w, pg_settings s where s.name = 'wal_compression'`,
  evaluate: (rows, { thresholds: { fullPageShare } }) =>
    rows
      .filter(
        ({ images, walBytes, compression }) =>
          walBytes >= WAL_MIN && compression === 'off' && images * 8192 > fullPageShare * walBytes,
      )
      .map(({ images, walBytes, best }) => ({
        object: 'setting wal_compression',
        summary: `Images of pages make up to ${percent(Math.min(1, (images * 8192) / walBytes))} of ${bytes(walBytes)} of WAL.`,
        remedy: {
          text: 'Compress them.',
          sql: [`alter system set wal_compression = '${best}'`, 'select pg_reload_conf()'],
          lock: 'none',
          undo: 'alter system reset wal_compression, then reload',
        },
      })),
})
