import { defineCheck, ORDER } from '../../check.js'
import { count, percent } from '../../figures.js'

interface Row {
  readonly table: string
  readonly updates: number
  readonly hot: number
  readonly newPage: number | null
  readonly fill: number
  readonly indexes: readonly { index: string; columns: readonly string[]; key: boolean }[]
}

/** A17: updates that have to change every index. */
export const hotUpdates = defineCheck<Row>({
  id: 'hot-updates',
  title: 'Updates that change every index',
  area: 'vacuum',
  level: 'warning',
  order: ORDER.indexes,
  scope: 'tables',
  absent: 'there are no tables',
  why: 'An update stays within its page (HOT) when no index but a BRIN holds a changed column and the page has room. Any other update writes into every index of the table, and leaves dead entries in all of them.',
  when: 'A table with hotUpdates updates and more has less than hotShare of them HOT. hot-update-index names the index at fault, where pg_stat_statements is installed.',
  advice:
    'Take the updated column out of the index that is named, when queries allow. When no index holds one, pages are full: lower fillfactor, to 80 for example.',
  uses: ['hotUpdates', 'hotShare'],
  sql: `
    with tables as (
      select s.relid, s.n_tup_upd, s.n_tup_hot_upd, (to_jsonb(s) ->> 'n_tup_newpage_upd')::bigint as newpage, c.reloptions
      from pg_stat_user_tables s join pg_class c on c.oid = s.relid
      where c.relkind = 'r'
    )
    select count(*)::int as total, count(*)::int as examined,
      jsonb_agg(jsonb_build_object('table', t.relid::regclass, 'updates', t.n_tup_upd,
        'hot', t.n_tup_hot_upd, 'newPage', t.newpage,
        'fill', coalesce((select x.option_value::int from pg_options_to_table(t.reloptions) x where x.option_name = 'fillfactor'), 100),
        'indexes', (select coalesce(jsonb_agg(jsonb_build_object('index', i.indexrelid::regclass, 'key', i.indisprimary or i.indisunique,
            'columns', (select coalesce(jsonb_agg(distinct a.attname), '[]') from pg_attribute a
              where a.attrelid = i.indrelid and (a.attnum = any (i.indkey::int2[])
                or exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = i.indexrelid
                  and d.refobjid = i.indrelid and d.refobjsubid = a.attnum))))), '[]')
          from pg_index i join pg_class x on x.oid = i.indexrelid join pg_am m on m.oid = x.relam
          where i.indrelid = t.relid and m.amname <> 'brin'))
        order by t.n_tup_upd - t.n_tup_hot_upd desc)
        filter (where t.n_tup_upd >= 100 and t.n_tup_hot_upd < 0.9 * t.n_tup_upd) as found
    from tables t`,
  evaluate: (rows, { thresholds: { hotUpdates: least, hotShare } }) =>
    rows
      .filter(({ updates, hot }) => updates >= least && hot < hotShare * updates)
      .map(({ table, updates, hot, newPage, fill, indexes }) => {
        const full = newPage !== null && newPage > 0.5 * (updates - hot)
        return {
          object: `table ${table}`,
          summary: `${percent(hot / updates)} of ${count(updates)} updates of ${table} were HOT.`,
          evidence: [
            ...(newPage === null
              ? []
              : [`${count(newPage)} went to another page, because theirs was full (fillfactor ${fill})`]),
            ...indexes.filter(({ key }) => !key).map(({ index, columns }) => `${index} holds ${columns.join(', ')}`),
          ],
          remedy: full
            ? {
                text: 'Leave room in the pages for new versions; pages that are rewritten from now on have it.',
                sql: [`alter table ${table} set (fillfactor = ${Math.max(70, fill - 20)})`],
                lock: 'share update exclusive on the table: reads and writes go on',
                undo: `alter table ${table} set (fillfactor = ${fill})`,
              }
            : {
                text: 'Find which of these indexes holds a column that the updates set; drop it or take the column out, when queries allow.',
                lock: 'drop index concurrently: share update exclusive on the table',
                undo: 'create the index again',
              },
        }
      }),
})
