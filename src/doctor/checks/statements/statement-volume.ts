import { defineCheck, ORDER } from '../../check.js'
import { bytes, count, percent } from '../../figures.js'
import { redact } from '../../redact.js'

interface Row {
  readonly key: string
  readonly query: string
  readonly calls: number
  readonly temporary: number
  readonly wal: number
  readonly rows: number
}

/** Share of all that one statement has to make. */
const SHARE = 0.2
/** Least of it in the time watched, a second. */
const BYTES_MIN = 1024 ** 2
const ROWS_MIN = 10_000

/** Q1: statements that write or return the most, while the server is watched. */
export const statementVolume = defineCheck<Row>({
  id: 'statement-volume',
  title: 'Statements that write or return the most',
  area: 'statements',
  level: 'info',
  order: ORDER.advice,
  depth: 'sample',
  needs: { extension: 'pg_stat_statements' },
  scope: 'statements',
  absent: 'pg_stat_statements has seen no statement',
  blind: 'the login may not read the statements of others: grant pg_read_all_stats to it',
  why: 'A statement that takes little time may still fill the disk with temporary files, the standbys’ network with WAL, or an application with rows that it throws away.',
  when: `While sampling, a statement of this database made ${SHARE * 100} % and more of all temporary files or of all WAL of statements, at 1 MB a second and more; or returned ${ROWS_MIN.toLocaleString('en-US')} rows a call and more.`,
  advice:
    'Temporary files: fewer or narrower rows to sort, an index for the order, or work_mem for that statement. WAL: fewer indexes on what is updated, larger batches. Rows: a LIMIT, or pages by key.',
  sql: `
    select count(*)::int as total, count(*) filter (where s.queryid is not null)::int as examined,
      jsonb_agg(jsonb_build_object('key', s.userid || '/' || s.queryid || '/' || s.toplevel, 'query', left(s.query, 1000), 'calls', s.calls,
        'temporary', s.temp_blks_written::float8 * 8192, 'wal', s.wal_bytes::float8, 'rows', case when s.query ~* '^\\s*(select|with)' then s.rows else 0 end))
        filter (where s.queryid is not null) as found
    from {schema}.pg_stat_statements s where s.dbid = (select d.oid from pg_database d where d.datname = current_database()) and s.toplevel
      and s.query !~ '\\yas examined\\y'`,
  evaluate: (rows, { before, seconds }) => {
    const first = new Map((before as Row[]).map((row) => [row.key, row]))
    const done = rows.map((row) => {
      const { calls = 0, temporary = 0, wal = 0, rows: returned = 0 } = first.get(row.key) ?? {}
      const since = {
        calls: row.calls - calls,
        temporary: row.temporary - temporary,
        wal: row.wal - wal,
        rows: row.rows - returned,
      }
      return { ...row, ...since }
    })
    const sum = (name: 'temporary' | 'wal') => done.reduce((total, row) => total + Math.max(0, row[name]), 0)
    const [temporary, wal] = [sum('temporary'), sum('wal')]
    const large = (size: number, total: number) => size >= BYTES_MIN * seconds && size >= SHARE * total
    return done.flatMap((row) => {
      if (row.calls <= 0) return []
      const much = [
        ...(large(row.temporary, temporary)
          ? [`${percent(row.temporary / temporary)} of all temporary files (${bytes(row.temporary)})`]
          : []),
        ...(large(row.wal, wal) ? [`${percent(row.wal / wal)} of all WAL (${bytes(row.wal)})`] : []),
        ...(row.rows / row.calls >= ROWS_MIN ? [`${count(row.rows / row.calls)} rows a call`] : []),
      ]
      if (much.length === 0) return []
      return [
        {
          object: `statement ${row.key}`,
          summary: `${count(row.calls)} calls made ${much.join(', ')}.`,
          evidence: [redact(row.query)],
          remedy: {
            text: 'Look at its plan: EXPLAIN (ANALYZE, BUFFERS, WAL).',
            lock: 'none',
            undo: 'none needed',
          },
        },
      ]
    })
  },
})
