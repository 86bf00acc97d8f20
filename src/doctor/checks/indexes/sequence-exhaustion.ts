import { defineCheck, type Level, ORDER } from '../../check.js'
import { count, percent } from '../../figures.js'

interface Row {
  readonly sequence: string
  readonly column: string | null
  readonly type: string | null
  readonly table: string | null
  readonly attribute: string | null
  readonly last: number
  readonly max: number
  readonly sequenceType: string
}

/** X13: sequences, and the columns that they fill, near their end. */
export const sequenceExhaustion = defineCheck<Row>({
  id: 'sequence-exhaustion',
  title: 'Sequences near their end',
  area: 'indexes',
  level: 'error',
  order: ORDER.data,
  scope: 'sequences',
  absent: 'there are no sequences',
  blind: 'the login may not read the sequences: grant select on them, or pg_read_all_data',
  why: 'When a sequence has given out its last number, or the column cannot hold the next one, every insert fails. Inserts that fail and upserts that only update use numbers up too.',
  when: 'The share of numbers used is above the thresholds, counted to the end of the sequence or of the type of the column that it fills, whichever comes first. Sequences that cycle are left out.',
  advice:
    'Widen the column to bigint before the end: with a new column that a trigger fills and that takes the old one’s place, when the table is large. The statement here rewrites the table under an exclusive lock.',
  uses: ['sequenceShare', 'sequenceWarningShare', 'sequenceErrorShare'],
  sql: `
    with sequences as materialized (
      select c.oid, s.seqtypid, s.seqmin, s.seqmax, s.seqincrement, s.seqcycle,
        has_sequence_privilege(c.oid, 'select') or has_sequence_privilege(c.oid, 'usage') as readable
      from pg_sequence s join pg_class c on c.oid = s.seqrelid join pg_namespace n on n.oid = c.relnamespace
      where n.nspname !~ '^pg_temp' and (c.relpersistence = 'p' or not pg_is_in_recovery()) and has_schema_privilege(n.oid, 'usage')
    ),
    filled as (
      select d.objid as sequence, d.refobjid as attrelid, d.refobjsubid as attnum
      from pg_depend d where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_class'::regclass and d.deptype in ('a', 'i')
        and d.refobjsubid > 0
    ),
    used as materialized (
      select s.*, f.attrelid, a.attname, a.atttypid,
        case when s.readable then pg_sequence_last_value(s.oid) end as last,
        least(s.seqmax, case a.atttypid when 'int2'::regtype then 32767 when 'int4'::regtype then 2147483647
          else 9223372036854775807 end) as max
      from sequences s
      left join filled f on f.sequence = s.oid
      left join pg_attribute a on a.attrelid = f.attrelid and a.attnum = f.attnum
    )
    select (select count(*) from sequences)::int as total, (select count(*) from sequences where readable)::int as examined,
      (select jsonb_agg(jsonb_build_object('sequence', u.oid::regclass, 'table', u.attrelid::regclass,
        'attribute', quote_ident(u.attname), 'column', u.attrelid::regclass || '.' || quote_ident(u.attname),
        'type', format_type(u.atttypid, null), 'sequenceType', format_type(u.seqtypid, null),
        'last', u.last::float8, 'max', u.max::float8) order by u.last::float8 / u.max desc)
        from used u where u.last > 0 and u.seqincrement > 0 and not u.seqcycle and u.last::float8 / u.max >= 0.01) as found`,
  evaluate: (rows, { thresholds: { sequenceShare, sequenceWarningShare, sequenceErrorShare } }) =>
    rows
      .filter(({ last, max }) => last / max >= sequenceShare)
      .map(({ sequence, table, attribute, column, type, last, max, sequenceType }) => {
        const share = last / max
        const level: Level = share >= sequenceErrorShare ? 'error' : share >= sequenceWarningShare ? 'warning' : 'info'
        const narrow = type === 'integer' || type === 'smallint'
        return {
          object: `sequence ${sequence}`,
          level,
          summary: `Sequence ${sequence} has used ${percent(share)} of its numbers: ${count(last)} of ${count(max)}.`,
          evidence: [column === null ? 'no column owns it' : `it fills ${column}, ${type}`],
          remedy: {
            text: narrow
              ? 'Widen the column and its sequence to bigint, and the columns that refer to it.'
              : 'Raise its maximum, or widen its type.',
            sql: [
              ...(narrow && table !== null ? [`alter table ${table} alter column ${attribute} type bigint`] : []),
              sequenceType === 'bigint'
                ? `alter sequence ${sequence} no maxvalue`
                : `alter sequence ${sequence} as bigint no maxvalue`,
            ],
            lock: narrow
              ? 'access exclusive on the table while it is rewritten'
              : 'share row exclusive on the sequence',
            undo: 'none needed',
          },
        }
      }),
})
