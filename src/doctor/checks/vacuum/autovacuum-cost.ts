import { type Draft, defineCheck, ORDER } from '../../check.js'
import { bytes } from '../../figures.js'

interface Row {
  readonly delay: number
  readonly limit: number
  readonly dirty: number
  readonly workers: number
  readonly limitSource: string
  readonly databaseBytes: number
  readonly tables: readonly string[]
}

/** The delay that was the default before PostgreSQL 12, in milliseconds. */
const OLD_DELAY_MS = 20
/** Pages of 8 kB a second that the defaults allow to be made dirty, in MB/s. */
const DEFAULT_MB_S = 41
/** Size from which on the default budget is short. */
const LARGE_BYTES = 100 * 1024 ** 3

/** A2 and A5: how fast all workers together may work. */
export const autovacuumCost = defineCheck<Row>({
  id: 'autovacuum-cost',
  title: 'The budget of autovacuum',
  area: 'vacuum',
  level: 'warning',
  order: ORDER.settings,
  scope: 'settings',
  absent: '',
  why: 'All workers share one budget: limit ÷ delay cost units a second. With the defaults that is 41 MB/s of pages made dirty, however many workers there are: more workers alone are each slower.',
  when: 'The delay is 0 (no limit at all) or 20 ms and more, the value of old guides; workers were added without raising the limit; or the budget is 41 MB/s or less with 100 GB of data and more. Tables with a cost setting of their own are info: their worker does not share.',
  advice: 'Leave the delay at 2 ms, and raise autovacuum_vacuum_cost_limit to 1000 or 2000 when the storage bears it.',
  sql: `
    select 1 as total, 1 as examined, jsonb_build_array(jsonb_build_object(
      'delay', case when current_setting('autovacuum_vacuum_cost_delay') = '-1' then d.setting else a.setting end::float8,
      'limit', case when l.setting = '-1' then v.setting else l.setting end::float8,
      'limitSource', case when l.setting = '-1' then v.source else l.source end,
      'dirty', current_setting('vacuum_cost_page_dirty')::float8,
      'workers', current_setting('autovacuum_max_workers')::int,
      'databaseBytes', (select sum(c.relpages::float8) * 8192 from pg_class c),
      'tables', (select coalesce(jsonb_agg(c.oid::regclass order by c.relpages desc), '[]') from pg_class c
        where array_to_string(c.reloptions, ',') ~ 'autovacuum_vacuum_cost_(delay|limit)'))) as found
    from pg_settings a, pg_settings d, pg_settings l, pg_settings v
    where a.name = 'autovacuum_vacuum_cost_delay' and d.name = 'vacuum_cost_delay'
      and l.name = 'autovacuum_vacuum_cost_limit' and v.name = 'vacuum_cost_limit'`,
  evaluate: ([row]) => {
    if (row === undefined) return []
    const drafts: Draft[] = []
    const rate = (row.limit / (row.delay / 1000) / row.dirty) * 8192
    const set = (name: string, value: string) => [`alter system set ${name} = ${value}`, 'select pg_reload_conf()']
    if (row.delay === 0 || row.delay >= OLD_DELAY_MS) {
      drafts.push({
        object: 'setting autovacuum_vacuum_cost_delay',
        summary:
          row.delay === 0
            ? 'autovacuum_vacuum_cost_delay is 0: nothing holds vacuum back from the storage.'
            : `autovacuum_vacuum_cost_delay is ${row.delay} ms: vacuum may make ${bytes(rate)} a second dirty.`,
        remedy: {
          text: 'Set it to the default, 2 ms, and steer by the limit.',
          sql: set('autovacuum_vacuum_cost_delay', "'2ms'"),
          lock: 'none',
          undo: 'set the old value',
        },
      })
    } else if (row.workers > 3 && row.limit <= 200) {
      drafts.push({
        object: 'setting autovacuum_max_workers',
        summary: `${row.workers} autovacuum workers share the budget of ${row.limit}, which is that of three.`,
        remedy: {
          text: 'Raise the limit with the workers.',
          sql: set('autovacuum_vacuum_cost_limit', String(Math.ceil((row.workers / 3) * 200))),
          lock: 'none',
          undo: 'alter system reset autovacuum_vacuum_cost_limit, then reload',
        },
      })
    } else if (rate / 1e6 <= DEFAULT_MB_S && row.databaseBytes >= LARGE_BYTES) {
      drafts.push({
        object: 'setting autovacuum_vacuum_cost_limit',
        summary: `Autovacuum may make ${bytes(rate)} a second dirty, in a database of ${bytes(row.databaseBytes)}.`,
        remedy: {
          text: 'Raise the limit in steps, and watch the storage.',
          sql: set('autovacuum_vacuum_cost_limit', '1000'),
          lock: 'none',
          undo: 'alter system reset autovacuum_vacuum_cost_limit, then reload',
        },
      })
    }
    return [
      ...drafts,
      ...row.tables.map(
        (table): Draft => ({
          object: `table ${table}`,
          level: 'info',
          summary: `${table} has a cost setting of its own: its worker works beside the shared budget.`,
          remedy: {
            text: 'Keep it when that is meant; else reset it.',
            sql: [`alter table ${table} reset (autovacuum_vacuum_cost_delay, autovacuum_vacuum_cost_limit)`],
            lock: 'share update exclusive on the table',
            undo: 'set the options again',
          },
        }),
      ),
    ]
  },
})
