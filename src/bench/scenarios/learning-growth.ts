import { ENTER } from '../../database/database.js'
import { statement } from '../../database/statement.js'
import type { Fleet } from '../../fleet.js'
import { openFleet } from '../../fleet.js'
import { loadContestant } from '../contestant.js'
import type { Scenario } from '../scenario.js'
import { ACTIONS, AGENT_TYPES, any, typeOf } from './learning-data.js'
import type { BenchSubject } from './subject.js'

const TENANT = 'bench'
const SMALL = 144_000

interface Grown {
  readonly fleet: Fleet
  readonly states: number
  /** Name of the database that was made for it. */
  readonly database: string | undefined
}

/**
 * States are numbers here, so that SQL makes their hashes as fast as rows: the canonical JSON of a whole number is its
 * digits. See learning.content_hash. In the order in which learning.learn makes the rows of a batch.
 */
const FILL = `
  insert into learning.q_values (tenant_id, state_hash, agent_type, action_hash, q, visits, td_error, learning_rate,
    created_at, updated_at, expires_at, state, action)
  select '${TENANT}', s.hash, t.agent_type, a.hash, random(), 1, 0, 0.1, now(), now(), date_trunc('day', now(), 'UTC') + interval '31 days',
    to_jsonb(s.n), a.action
  from (
    select n, (left(encode(d, 'hex'), 12) || '8' || substr(encode(d, 'hex'), 14, 3) || to_hex(get_byte(d, 8) >> 4 & 3 | 8)
      || substr(encode(d, 'hex'), 18, 15))::uuid as hash
    from (select n, sha256(convert_to('pgfleet:1:' || n, 'UTF8')) as d from generate_series($1::integer, $2::integer) n) x
  ) s
  cross join unnest($3::text[]) t(agent_type)
  cross join (select to_jsonb('action-' || n) as action, learning.content_hash(to_jsonb('action-' || n)) as hash from generate_series(1, ${ACTIONS}) n) a
  order by s.hash, t.agent_type, a.hash`

/**
 * Reads everything once, so that what fits into the server's memory is there, as it is on a server that has run for a
 * while. By the index: a sequential scan of a large table passes the buffers by.
 */
const BY_KEY = statement<unknown>(
  'bench.by_key',
  `select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
    set_config('max_parallel_workers_per_gather', '0', true)`,
)
const READ_ALL = statement<unknown>(
  'bench.read_all',
  `select count(v.q) from learning.q_values v where v.tenant_id = current_setting('pgfleet.tenant')`,
)

/** Whether lookups stay as quick while the table grows a hundredfold. */
export const learningGrowth: Scenario<BenchSubject, readonly [Grown, Grown]> = {
  name: 'learning-growth',
  title: 'Learning store: lookups as the table grows',
  description:
    'The same lookups of 18 callers on 144,000 action values and on 14.4 million (or --rows), each in a database of its own. ' +
    'Needs a server, a login that may create databases, and some 6 GB of disk.',
  options: { rows: 14_400_000, durationMs: 4000, warmUpMs: 4000, rounds: 5 },
  targets: [
    {
      id: 'growth',
      what: "the lookup's median on the large table, against the small",
      source: 'ARCHITECTURE.md, promise 1',
      metric: { kind: 'ratio', of: 'p50', contestant: 'lookup, large', to: 'lookup, small' },
      op: '<=',
      value: 1.5,
    },
    {
      id: 'rss',
      what: 'memory of this process',
      source: 'memory',
      metric: { kind: 'median', of: 'rss', contestant: 'lookup, large' },
      op: '<=',
      value: 200,
    },
  ],
  async setUp({ subject, options, signal, progress }) {
    const home = await subject.open()
    const grown: Grown[] = []
    for (const rows of [SMALL, options.rows]) {
      const database = subject.url === null ? undefined : `pgfleet_bench_${rows}_${process.pid}`
      const states = Math.max(1, Math.round(rows / AGENT_TYPES.length / ACTIONS))
      if (database !== undefined)
        await home.database.lend((connection) => connection.query(`create database ${database}`))
      const fleet =
        database === undefined
          ? home
          : await openFleet({ url: urlOf(subject.url as string, database), callTimeoutMs: 3_600_000 })
      grown.push({ fleet, states, database })
      await fleet.tenants.create({ id: TENANT }, { ifNotExists: true })
      await fleet.database.lend(async (connection) => {
        for (let first = 0; first < states; first += 1000) {
          signal.throwIfAborted()
          progress(
            `${(first * AGENT_TYPES.length * ACTIONS).toLocaleString('en')} of ${rows.toLocaleString('en')} values`,
          )
          await connection.query(FILL, [first, Math.min(first + 1000, states) - 1, AGENT_TYPES])
        }
        await connection.query('vacuum (analyze) learning.q_values')
      })
    }
    // The large one last: on a server whose memory it fills, the small one is warm again within its warm-up.
    for (const { fleet } of grown) {
      progress('reading all values once, by their key')
      await fleet.database.transaction('begin', [{ statement: ENTER, values: [TENANT] }], async (run) => {
        await run(BY_KEY, [])
        await run(READ_ALL, [])
      })
    }
    return grown as unknown as readonly [Grown, Grown]
  },
  contestants(_, [small, large]) {
    return [['lookup, small', small] as const, ['lookup, large', large] as const].map(([name, { fleet, states }]) => {
      const { learning } = fleet.tenant(TENANT)
      return loadContestant({
        name,
        callers: 18,
        ...(name === 'lookup, large' ? { rival: 'lookup, small' } : {}),
        operation: (caller, signal) => learning.best(typeOf(caller), any(states), { signal }),
      })
    })
  },
  async tearDown({ subject }, state) {
    const home = await subject.open()
    for (const { fleet, database } of state ?? []) {
      if (database === undefined) continue
      await fleet.close()
      await home.database.lend((connection) => connection.query(`drop database if exists ${database} with (force)`))
    }
    await home.close()
  },
}

function urlOf(url: string, database: string): string {
  const parsed = new URL(url)
  parsed.pathname = `/${database}`
  return parsed.href
}
