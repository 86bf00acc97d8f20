import { z } from 'zod'
import { statement } from '../../database/statement.js'
import { DirectConnection } from '../direct-connection.js'
import { defineService, type ServiceContext } from '../service.js'

const LEFTOVERS = statement<{ schema_name: string; index_name: string }>(
  'platform.find_leftover_indexes',
  `select n.nspname as schema_name, c.relname as index_name
  from pg_index i
  join pg_class c on c.oid = i.indexrelid and c.relkind = 'i'
  join pg_namespace n on n.oid = c.relnamespace and n.nspowner = 'pgfleet_owner'::regrole
  where not i.indisvalid and c.relname ~ '_cc(new|old)[0-9]*$'
  order by 1, 2`,
)
const DROP_LEFTOVER = statement<{ bytes: number }>(
  'platform.drop_leftover_index',
  'select platform.drop_leftover_index($1::text, $2::text) as bytes',
)
const MEASURES = statement<{ measures: boolean; place: string | null }>(
  'platform.can_measure_indexes',
  `select coalesce(bool_or(has_function_privilege(session_user, p.oid, 'execute')), false) as measures, min(quote_ident(n.nspname)) as place
  from pg_proc p
  join pg_namespace n on n.oid = p.pronamespace
  where p.proname = 'pgstatindex' and p.proargtypes::regtype[] = '[0:0]={regclass}'::regtype[]`,
)
const FIND = statement<{ id: number; name: string; bytes: number; expected: number | null }>(
  'platform.find_large_indexes',
  `select c.oid::bigint as id, format('%I.%I', n.nspname, c.relname) as name, c.relpages::float8 * 8192 as bytes, e.expected
  from pg_class c
  join pg_namespace n on n.oid = c.relnamespace and n.nspowner = 'pgfleet_owner'::regrole
  join pg_am m on m.oid = c.relam and m.amname = 'btree'
  join pg_index i on i.indexrelid = c.oid and i.indisvalid
  join pg_class t on t.oid = i.indrelid
  cross join lateral (
    -- Of each entry: eight bytes, its values at the widths that were analysed, and a pointer of four; pages 90 % full. Entries that
    -- are the same are stored together, so a fresh index is smaller at times and never much larger.
    select case when count(s.avg_width) = i.indnatts and c.reltuples >= 0 then
        c.reltuples * (12 + 8 * ceil(sum(s.avg_width) / 8.0)) / 0.9 end::float8 as expected
    from unnest(i.indkey::smallint[]) k(number)
    left join pg_attribute a on a.attrelid = t.oid and a.attnum = k.number
    left join pg_stats s on s.schemaname = n.nspname and s.tablename = t.relname and s.attname = a.attname and not s.inherited
  ) e
  where c.relkind = 'i' and c.relpersistence = 'p' and c.relpages::float8 * 8192 >= $1::float8
  order by c.relpages desc
  limit 200`,
)

/** How full a leaf page is that is filled at random. */
const FULL_NORMAL = 0.69

/** Rebuilds indexes that are mostly empty. */
export const indexBloat = defineService({
  name: 'index-bloat',
  description:
    'rebuilds B-trees that are mostly empty, concurrently, and drops what an interrupted rebuild left behind',
  intervalMs: 86_400_000,
  options: z.strictObject({
    /** Smaller indexes are left alone. */
    bytesMin: z
      .int()
      .min(1_000_000)
      .max(1e15)
      .default(64 * 1024 * 1024),
    /** The free share from which on an index is rebuilt. */
    freeMin: z.number().min(0.1).max(0.99).default(0.5),
    /** Most indexes of a run. */
    indexesMax: z.int().min(1).max(100).default(3),
    /** Longest time for one index, in milliseconds. */
    rebuildTimeoutMs: z.int().min(1000).max(86_400_000).default(3_600_000),
    /** Longest wait for those who hold the table or an old snapshot, in milliseconds. */
    lockTimeoutMs: z.int().min(100).max(3_600_000).default(60_000),
  }),
  statements: [LEFTOVERS, DROP_LEFTOVER, MEASURES, FIND],
  async runOnce(context, options) {
    if (context.isEmbedded) {
      return context.report.skip(
        'an index of the embedded database cannot be rebuilt concurrently: it has one connection',
      )
    }
    await dropLeftovers(context)
    const { directUrl } = context
    if (directUrl === undefined) {
      return context.report.skip('a rebuild needs directUrl, a url past the pooler: it cannot run inside a transaction')
    }
    await DirectConnection.lend(directUrl, async (direct) => {
      const bloated = await measure(context, direct, options)
      if (bloated.length === 0) return
      if (!context.dryRun) await direct.actAsOwner()
      for (const { name, bytes, free } of bloated.slice(0, options.indexesMax)) {
        const note = `about ${Math.round((100 * free) / bytes)} % of it is free`
        if (context.dryRun) {
          context.report.item({ action: 'rebuilt', object: name, bytes: free, note })
          continue
        }
        await context.attempt(name, async () => {
          // The lease is looked at before each: a rebuild belongs to no batch.
          await context.batch(async () => {})
          await direct.rebuild(name, options.lockTimeoutMs, options.rebuildTimeoutMs, context.signal)
          context.report.item({ action: 'rebuilt', object: name, bytes: free, note })
        })
        if (context.isOver()) break
      }
      if (bloated.length > options.indexesMax) context.report.leaveSome()
    })
  },
})

async function dropLeftovers(context: ServiceContext): Promise<void> {
  for (const { schema_name: schema, index_name: index } of await context.query(LEFTOVERS, [])) {
    const object = `${schema}.${index}`
    if (context.dryRun)
      context.report.item({ action: 'dropped', object, note: 'left behind by an interrupted rebuild' })
    else
      await context.attempt(object, async () => {
        const [row] = await context.batch((run) => run(DROP_LEFTOVER, [schema, index]))
        context.report.item({
          action: 'dropped',
          object,
          bytes: row?.bytes ?? 0,
          note: 'left behind by an interrupted rebuild',
        })
      })
  }
}

interface Bloated {
  readonly name: string
  readonly bytes: number
  /** Bytes that a rebuild would free. */
  readonly free: number
}

/** Large indexes with much free space, the most first: measured where pgstattuple is there, else estimated from statistics. */
async function measure(
  context: ServiceContext,
  direct: DirectConnection,
  { bytesMin, freeMin }: { readonly bytesMin: number; readonly freeMin: number },
): Promise<Bloated[]> {
  const [can] = await direct.query(MEASURES, [])
  const bloated: Bloated[] = []
  for (const { id, name, bytes, expected } of await direct.query(FIND, [bytesMin])) {
    context.signal.throwIfAborted()
    let free: number
    if (can?.measures) {
      const [row] = await direct.query<{ density: number; deleted: number }>(
        {
          name: 'platform.measure_index',
          text: `select s.avg_leaf_density::float8 / 100 as density, s.deleted_pages::float8 * 8192 as deleted
          from ${can.place}.pgstatindex($1::bigint::oid::regclass) s`,
        },
        [id],
      )
      const { density = 1, deleted = 0 } = row ?? {}
      free = Math.max(0, (Number(bytes) - deleted) * (1 - density / FULL_NORMAL)) + deleted
    } else if (expected === null) {
      context.report.count({ unmeasured: 1 })
      continue
    } else {
      free = Math.max(0, Number(bytes) - expected / FULL_NORMAL)
    }
    context.report.count({ measured: 1 })
    if (free >= freeMin * Number(bytes)) bloated.push({ name, bytes: Number(bytes), free })
  }
  return bloated.sort((a, b) => b.free - a.free)
}
