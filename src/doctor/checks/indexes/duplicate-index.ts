import { defineCheck, ORDER } from '../../check.js'
import { bytes, count } from '../../figures.js'

interface Row {
  readonly table: string
  readonly kept: string
  readonly index: string
  readonly definition: string
  readonly bytes: number
  readonly scans: number
  readonly constraint: boolean
}

/** X3: indexes that are equal in everything but their name. */
export const duplicateIndex = defineCheck<Row>({
  id: 'duplicate-index',
  title: 'Duplicate indexes',
  area: 'indexes',
  level: 'warning',
  order: ORDER.indexes,
  scope: 'indexes',
  absent: 'there are no indexes',
  why: 'Each of two equal indexes costs every write and takes space; queries need one.',
  when: 'Two valid indexes of a table agree in method, columns, expressions, operator classes, collations, order, included columns, condition and treatment of nulls. A plain one beside a unique one counts too.',
  advice: 'Drop the one that belongs to no constraint, is not the replica identity, and is used less.',
  sql: `
    with indexes as (
      select i.*, c.relam, c.relpages, pg_stat_get_numscans(i.indexrelid) as scans,
        exists (select from pg_constraint k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')) as is_constraint,
        exists (select from pg_constraint k where k.conindid = i.indexrelid) as is_referenced,
        exists (select from pg_inherits h where h.inhrelid = i.indexrelid) as is_part
      from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)' and i.indisvalid
    ),
    pairs as (
      select b.indexrelid, b.indrelid, b.relpages, b.scans, b.is_constraint, min(a.indexrelid::regclass::text) as kept
      from indexes a
      join indexes b on a.indrelid = b.indrelid and a.indexrelid <> b.indexrelid and a.relam = b.relam
        and a.indkey = b.indkey and a.indnkeyatts = b.indnkeyatts and a.indclass = b.indclass
        and a.indcollation = b.indcollation and a.indoption = b.indoption
        and coalesce(a.indpred::text, '') = coalesce(b.indpred::text, '')
        and coalesce(a.indexprs::text, '') = coalesce(b.indexprs::text, '')
        and a.indnullsnotdistinct = b.indnullsnotdistinct
        and (a.indisunique or not b.indisunique)
        -- The one that goes is in no constraint before one that is, then the one used less, then the younger one.
        and (b.is_constraint, b.indisreplident, b.indisunique, b.is_referenced, b.scans, -b.indexrelid::bigint)
          < (a.is_constraint, a.indisreplident, a.indisunique, a.is_referenced, a.scans, -a.indexrelid::bigint)
      where not b.is_part and not b.indisreplident
      group by b.indexrelid, b.indrelid, b.relpages, b.scans, b.is_constraint
    )
    select (select count(*) from indexes)::int as total, (select count(*) from indexes)::int as examined,
      (select jsonb_agg(jsonb_build_object('table', p.indrelid::regclass, 'kept', p.kept, 'index', p.indexrelid::regclass,
        'definition', pg_get_indexdef(p.indexrelid), 'bytes', p.relpages * current_setting('block_size')::bigint,
        'scans', p.scans, 'constraint', p.is_constraint) order by p.relpages desc, p.indexrelid::regclass::text)
        from pairs p) as found`,
  evaluate: (rows) =>
    rows.map(({ table, kept, index, definition, bytes: size, scans, constraint }) => ({
      object: `index ${index}`,
      summary: `Index ${index} (${bytes(size)}) of ${table} does what ${kept} does.`,
      evidence: [definition, `${count(scans)} scans since the statistics were reset`],
      remedy: constraint
        ? {
            text: `Both belong to constraints: drop the constraint of ${index} once nothing names it.`,
            lock: 'access exclusive on the table, for a moment',
            undo: 'add the constraint again, which builds its index',
          }
        : {
            text: 'Drop it.',
            sql: [`drop index concurrently ${index}`],
            lock: 'share update exclusive on the table: reads and writes go on',
            undo: definition,
          },
    })),
})
