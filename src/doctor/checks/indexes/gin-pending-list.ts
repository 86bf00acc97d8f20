import { defineCheck, ORDER } from '../../check.js'
import { bytes } from '../../figures.js'

interface Row {
  readonly index: string
  readonly literal: string
  readonly oid: number
  readonly limit: number
  readonly pending?: number
}

/** X9: GIN indexes whose new entries wait in a list. */
export const ginPendingList = defineCheck<Row>({
  id: 'gin-pending-list',
  title: 'GIN indexes with a long pending list',
  area: 'indexes',
  level: 'info',
  order: ORDER.indexes,
  depth: 'deep',
  needs: { extension: 'pgstattuple', rights: 'pg_stat_scan_tables, or pg_monitor' },
  scope: 'GIN indexes',
  absent: 'there are no GIN indexes',
  why: 'With fastupdate new entries first go to a list, which every search reads as a whole; and whoever fills it up has to merge it into the index.',
  when: 'The list is longer than half of gin_pending_list_limit.',
  advice:
    'Let autovacuum come sooner, which merges it. Where searches have to be even, switch fastupdate off: each insert is slower then.',
  sql: `
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('index', c.oid::regclass, 'literal', quote_literal(c.oid::regclass), 'oid', c.oid,
        'limit', coalesce((select x.option_value::float8 from pg_options_to_table(c.reloptions) x
          where x.option_name = 'gin_pending_list_limit'),
          (select s.setting::float8 from pg_settings s where s.name = 'gin_pending_list_limit')) * 1024) order by c.relpages desc) as found
    from pg_class c join pg_am m on m.oid = c.relam and m.amname = 'gin' where c.relkind = 'i'`,
  probe: ({ oid }, { extensions }) => ({
    text: `select p.pending_pages::float8 * 8192 as pending from ${extensions.pgstattuple?.schema}.pgstatginindex($1::oid::regclass) p`,
    values: [oid],
  }),
  evaluate: (rows) =>
    rows
      .filter(({ pending = 0, limit }) => pending > limit / 2)
      .map(({ index, literal, pending = 0, limit }) => ({
        object: `index ${index}`,
        summary: `${bytes(pending)} of new entries of ${index} wait to be merged; it does so by itself at ${bytes(limit)}.`,
        remedy: {
          text: 'Merge them now; let autovacuum come sooner for the table.',
          sql: [`select gin_clean_pending_list(${literal}::regclass)`],
          lock: 'row exclusive on the index: reads and writes go on',
          undo: 'none needed',
        },
      })),
})
