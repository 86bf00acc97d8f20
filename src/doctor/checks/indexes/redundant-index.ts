import { defineCheck, ORDER } from '../../check.js'
import { bytes, count } from '../../figures.js'

interface Row {
  readonly table: string
  readonly covering: string
  readonly index: string
  readonly definition: string
  readonly bytes: number
  readonly scans: number
}

/** X4: indexes whose columns begin another index. */
export const redundantIndex = defineCheck<Row>({
  id: 'redundant-index',
  title: 'Indexes that another one contains',
  area: 'indexes',
  level: 'warning',
  order: ORDER.indexes,
  scope: 'indexes',
  absent: 'there are no indexes',
  why: 'A B-tree on (a, b) answers what one on (a) answers. The shorter one is smaller, but every write pays for both.',
  when: 'A plain B-tree belongs to no constraint, and its columns, with operator classes, collations, order and condition, are the first ones of another valid B-tree of the table. When only one of them has a condition (a shorter one that has finds its few rows without the others), or only the shorter one is ever used, it does not count.',
  advice:
    'Drop the shorter one, unless queries that read much of it are clearly faster with it: it is smaller, and equal keys are deduplicated.',
  sql: `
    with indexes as (
      select i.*, c.relpages, pg_stat_get_numscans(i.indexrelid) as scans,
        exists (select from pg_constraint k where k.conindid = i.indexrelid) as is_constraint,
        exists (select from pg_inherits h where h.inhrelid = i.indexrelid) as is_part,
        string_to_array(i.indkey::text, ' ') as keys, string_to_array(i.indclass::text, ' ') as classes,
        string_to_array(i.indcollation::text, ' ') as collations, string_to_array(i.indoption::text, ' ') as options
      from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am m on m.oid = c.relam and m.amname = 'btree'
      join pg_namespace n on n.oid = c.relnamespace
      where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
        and i.indisvalid and i.indexprs is null
    ),
    pairs as (
      select b.indexrelid, b.indrelid, b.relpages, b.scans, min(a.indexrelid::regclass::text) as covering
      from indexes a
      join indexes b on a.indrelid = b.indrelid and a.indnkeyatts > b.indnkeyatts
        and a.keys[1:b.indnkeyatts] = b.keys[1:b.indnkeyatts] and a.classes[1:b.indnkeyatts] = b.classes
        and a.collations[1:b.indnkeyatts] = b.collations[1:b.indnkeyatts]
        and a.options[1:b.indnkeyatts] = b.options[1:b.indnkeyatts]
        and a.keys @> b.keys and a.indpred::text is not distinct from b.indpred::text
      -- A longer one that nobody uses is no reason to drop the shorter one, which is used.
      where not (a.scans = 0 and b.scans > 0) and not b.indisunique and not b.is_constraint and not b.is_part and not b.indisreplident
      group by b.indexrelid, b.indrelid, b.relpages, b.scans
    )
    select (select count(*) from indexes)::int as total, (select count(*) from indexes)::int as examined,
      (select jsonb_agg(jsonb_build_object('table', p.indrelid::regclass, 'covering', p.covering,
        'index', p.indexrelid::regclass, 'definition', pg_get_indexdef(p.indexrelid), 'scans', p.scans,
        'bytes', p.relpages * current_setting('block_size')::bigint) order by p.relpages desc, p.indexrelid::regclass::text)
        from pairs p) as found`,
  evaluate: (rows) =>
    rows.map(({ table, covering, index, definition, bytes: size, scans }) => ({
      object: `index ${index}`,
      summary: `The columns of index ${index} (${bytes(size)}) of ${table} begin ${covering}.`,
      evidence: [definition, `${count(scans)} scans since the statistics were reset`],
      remedy: {
        text: 'Drop it, and watch the statements that used it.',
        sql: [`drop index concurrently ${index}`],
        lock: 'share update exclusive on the table: reads and writes go on',
        undo: definition,
      },
    })),
})
