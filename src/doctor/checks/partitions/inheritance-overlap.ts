import { defineCheck, ORDER } from '../../check.js'

interface Row {
  readonly parent: string
  readonly child: string
  readonly other: string | null
  readonly from: string | null
  readonly to: string | null
}

/** 2.9: tables divided by inheritance whose parts overlap, or say nothing of what they hold. */
export const inheritanceOverlap = defineCheck<Row>({
  id: 'inheritance-overlap',
  title: 'Children of a table that overlap',
  area: 'partitions',
  level: 'warning',
  order: ORDER.structure,
  scope: 'tables divided by inheritance into ranges of time',
  absent: 'no table is divided by inheritance into ranges of time',
  why: 'PostgreSQL refuses partitions that overlap, but not children of a table that inherit from it: there CHECK constraints alone tell what each holds. Where two overlap, a row may lie in either, and dropping one loses rows of the other’s range. A child without such a constraint is read by every statement.',
  when: 'The CHECK constraints of two children of one table cover the same time; or a child has no such constraint while its siblings have. Ranges of the form column >= … and column < … are understood.',
  advice:
    'Correct the constraint. Better, move to declarative partitions: attach the children to a partitioned table, each with its validated CHECK, which takes no scan then.',
  sql: `
    with ranges as (
      select i.inhparent as parent, i.inhrelid as child, min(r.low) as low, max(r.high) as high
      from pg_inherits i join pg_class p on p.oid = i.inhparent and p.relkind = 'r' join pg_class c on c.oid = i.inhrelid and c.relkind = 'r'
      left join lateral (
        select substring(d.text from '>= ''([^'']+)''::(?:date|timestamp)')::timestamptz as low,
          substring(d.text from '< ''([^'']+)''::(?:date|timestamp)')::timestamptz as high
        from pg_constraint k cross join lateral (select pg_get_constraintdef(k.oid) as text) d
        where k.conrelid = c.oid and k.contype = 'c' and d.text ~ '>= ''[^'']+''::(date|timestamp)' and d.text ~ ' < ''[^'']+''::(date|timestamp)') r on true
      group by 1, 2
    ),
    known as (select r.*, count(r.low) over (partition by r.parent) as stated from ranges r),
    faults as (
      select a.parent, a.child, b.child as other, greatest(a.low, b.low) as low, least(a.high, b.high) as high
      from known a join known b on b.parent = a.parent and a.low < b.high and b.low < a.high and (a.low, a.child) < (b.low, b.child)
      union all
      select k.parent, k.child, null, null, null from known k where k.low is null and k.stated > 0
    )
    select (select count(distinct k.parent) from known k where k.stated > 0)::int as total,
      (select count(distinct k.parent) from known k where k.stated > 0)::int as examined,
      (select jsonb_agg(jsonb_build_object('parent', f.parent::regclass, 'child', f.child::regclass, 'other', f.other::regclass,
        'from', to_char(f.low at time zone 'UTC', 'YYYY-MM-DD HH24:MI"Z"'), 'to', to_char(f.high at time zone 'UTC', 'YYYY-MM-DD HH24:MI"Z"'))
        order by f.child::regclass::text, f.other::regclass::text) from faults f) as found`,
  evaluate: (rows) =>
    rows.map(({ parent, child, other, from, to }) => ({
      object: other === null ? `table ${child}` : `tables ${child} and ${other}`,
      summary:
        other === null
          ? `${child} has no CHECK that tells its range, as other children of ${parent} have.`
          : `${child} and ${other}, children of ${parent}, both take rows from ${from} to ${to}.`,
      remedy: {
        text:
          other === null
            ? 'Add the constraint NOT VALID, then validate it.'
            : 'Move the rows of one into the other, then correct its CHECK constraint.',
        lock: 'add constraint not valid: access exclusive for a moment; validate: share update exclusive',
        undo: 'drop the constraint',
      },
    })),
})
