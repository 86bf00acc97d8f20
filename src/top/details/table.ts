import { short, shortBytes, shortTime } from '../amounts.js'
import { MARK } from '../reader.js'
import type { ReadDetail } from './detail.js'

interface Table {
  readonly bytes: number | null
  readonly heap: number | null
  readonly rows: number
  readonly live: number
  readonly dead: number
  readonly changed: number
  readonly inserted: number
  readonly vacuumed: number | null
  readonly analyzed: number | null
  readonly options: readonly string[] | null
  readonly age: number | null
}

interface Index {
  readonly name: string
  readonly definition: string
  readonly bytes: number
  readonly scans: number
  readonly isValid: boolean
}

/** Its figures. Sizes are measured by its files: that waits for nobody but who drops or rewrites it. */
export const TABLE = `
  select ${MARK} pg_total_relation_size(c.oid)::float8 as bytes, pg_relation_size(c.oid)::float8 as heap, c.reltuples::float8 as rows,
    pg_stat_get_live_tuples(c.oid)::float8 as live, pg_stat_get_dead_tuples(c.oid)::float8 as dead, pg_stat_get_mod_since_analyze(c.oid)::float8 as changed,
    pg_stat_get_ins_since_vacuum(c.oid)::float8 as inserted,
    extract(epoch from clock_timestamp() - greatest(pg_stat_get_last_autovacuum_time(c.oid), pg_stat_get_last_vacuum_time(c.oid)))::float8 as vacuumed,
    extract(epoch from clock_timestamp() - greatest(pg_stat_get_last_autoanalyze_time(c.oid), pg_stat_get_last_analyze_time(c.oid)))::float8 as analyzed,
    c.reloptions as options, case when c.relfrozenxid <> '0' then age(c.relfrozenxid) end as age
  from pg_class c where c.oid = $1::bigint::oid`

/** Its indexes, the largest first. */
export const INDEXES = `
  select ${MARK} k.relname as name, pg_get_indexdef(i.indexrelid) as definition, pg_relation_size(i.indexrelid)::float8 as bytes,
    pg_stat_get_numscans(i.indexrelid)::float8 as scans, i.indisvalid as "isValid"
  from pg_index i join pg_class k on k.oid = i.indexrelid where i.indrelid = $1::bigint::oid order by 3 desc, 1 limit 50`

/** A table with its indexes and settings. */
export const table: ReadDetail<'table'> = async (reader, { oid, name }) => {
  const [found] = await reader.read<Table>(TABLE, [oid])
  if (found === undefined) return { title: `table ${name}`, fields: [['state', 'it was dropped']], sections: [] }
  const indexes = await reader.read<Index>(INDEXES, [oid])
  return {
    title: `table ${name}`,
    fields: [
      ['size', `${shortBytes(found.bytes)} with its indexes, ${shortBytes(found.heap)} without`],
      [
        'rows',
        `${found.rows < 0 ? 'never counted' : `about ${short(found.rows)}`}; ${short(found.live)} live and ${short(found.dead)} dead by the statistics`,
      ],
      [
        'vacuumed',
        `${found.vacuumed === null ? 'never' : `${shortTime(found.vacuumed)} ago`}, ${short(found.inserted)} rows inserted since`,
      ],
      [
        'analysed',
        `${found.analyzed === null ? 'never' : `${shortTime(found.analyzed)} ago`}, ${short(found.changed)} rows changed since`,
      ],
      ['frozen', found.age === null ? '-' : `${short(found.age)} transactions ago`],
    ],
    sections: [
      { title: 'settings', lines: found.options ?? ['those of the server'], wraps: true },
      {
        title: `indexes: ${indexes.length}`,
        lines: indexes.map(
          ({ definition, bytes, scans, isValid }) =>
            `${shortBytes(bytes).padStart(7)} ${short(scans).padStart(6)} scans  ${isValid ? '' : 'INVALID '}${definition}`,
        ),
        wraps: true,
      },
    ],
  }
}
