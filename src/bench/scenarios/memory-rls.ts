import pg from 'pg'
import type { Fleet } from '../../fleet.js'
import type { Contestant, RoundContext } from '../contestant.js'
import { median } from '../median.js'
import { watchMemory } from '../memory.js'
import type { Outcome } from '../sample.js'
import type { Scenario } from '../scenario.js'
import { any } from './learning-data.js'
import { fillRlsRows } from './memory-rls-data.js'
import type { BenchSubject } from './subject.js'

const TENANT = 'bench-rls'
const PROMISE = 'storage targets of the scripting runtime'
const BATCH = 100

interface State {
  readonly fleet: Fleet
  readonly rows: number
  /** Two sessions of a login that bypasses row-level security, in the tenant; or why there are none. */
  readonly connections: readonly [pg.Client, pg.Client] | string
}

/** A statement over many keys: an array of as many as the batch has. */
interface Work {
  readonly name: string
  readonly text: string
  values(keys: readonly number[]): unknown[]
}

const WORKS: readonly Work[] = [
  {
    name: 'kv get',
    text: `select v.value, v.version from unnest($1::text[]) as x(key)
      cross join lateral (select k.value, k.version from memory.key_values k
        where k.tenant_id = $2::text and k.key = x.key and k.expires_at > statement_timestamp() offset 0) v`,
    values: (keys) => [keys.map((n) => `key/${n}`), TENANT],
  },
  {
    name: 'kv set',
    text: `insert into memory.key_values as v (tenant_id, key, version, created_at, updated_at, expires_at, value)
      select $2::text, x.key, 1, now(), now(), 'infinity', $3::jsonb from unnest($1::text[]) as x(key) order by x.key
      on conflict (tenant_id, key) do update
      set version = v.version + 1, updated_at = excluded.updated_at, expires_at = excluded.expires_at, value = excluded.value
      returning v.version`,
    values: (keys) => [keys.map((n) => `key/${n}`), TENANT, '{"user": "user-1", "tags": ["a", "b"]}'],
  },
  {
    name: 'agent state load',
    text: `select a.* from unnest($1::text[]) as x(agent_id)
      cross join lateral (select s.state, s.version, s.checksum from memory.agent_states s
        where s.tenant_id = $2::text and s.agent_id = x.agent_id offset 0) a`,
    values: (keys) => [keys.map((n) => `agent-${n}`), TENANT],
  },
  {
    name: 'learning best',
    text: `select b.* from unnest($1::uuid[]) as x(state_hash)
      cross join lateral (
        select v.action, case when v.q_b is null then v.q else (v.q + v.q_b) / 2 end as value, v.visits from learning.q_values v
        where v.tenant_id = $2::text and v.state_hash = x.state_hash and v.agent_type = 'test-generator' and v.expires_at > statement_timestamp()
        order by value desc, v.action_hash limit 1) b`,
    values: (keys) => [keys.map((n) => `00000000-0000-8000-8000-${n.toString(16).padStart(12, '0')}`), TENANT],
  },
]

/** What row-level security costs: the same statements with it and without, alternating call by call. */
export const memoryRls: Scenario<BenchSubject, State> = {
  name: 'memory-rls',
  title: 'Row-level security: what it costs',
  description:
    'The same prepared statements as the application role, under the policies, and as the login, which bypasses them, on two connections of ' +
    'one process that alternate call by call and change roles half-way; single and with 100 keys a statement. The overhead of a round is the ' +
    'ratio of the median times (geometric mean of both halves), less 1. Needs a server and a superuser. Commits are asynchronous, so that no disk hides the cost.',
  options: { rows: 100_000, durationMs: 1000, warmUpMs: 100, rounds: 21 },
  targets: WORKS.flatMap(({ name }) =>
    [1, BATCH].map((size) => ({
      id: `${name.replaceAll(' ', '-')}-${size}`,
      what: `overhead of row-level security, ${contestantName(name, size)}`,
      source: PROMISE,
      metric: { kind: 'median' as const, of: 'figure.overhead' as const, contestant: contestantName(name, size) },
      op: '<=' as const,
      value: size === 1 ? 5 : 2,
      unit: '%',
      interval: true,
    })),
  ),

  async setUp({ subject, options, signal, progress }) {
    const fleet = await subject.open()
    await fleet.tenants.create({ id: TENANT }, { ifNotExists: true })
    progress(`making ${options.rows} rows of each kind`)
    await fillRlsRows(fleet, TENANT, options.rows, signal)
    return { fleet, rows: options.rows, connections: await connect(subject.url) }
  },

  contestants(_, { rows, connections }) {
    return WORKS.flatMap((work) => [1, BATCH].map((size) => pairContestant(work, size, rows, connections)))
  },

  async tearDown(_, state) {
    if (state !== undefined && typeof state.connections !== 'string') {
      await Promise.all(state.connections.map((connection) => connection.end()))
    }
    await state?.fleet.close()
  },
}

function contestantName(work: string, size: number): string {
  return size === 1 ? `${work}, one` : `${work}, ${size} a statement`
}

async function connect(url: string | null): Promise<State['connections']> {
  if (url === null) return 'the embedded database has one session'
  const connections = [new pg.Client({ connectionString: url }), new pg.Client({ connectionString: url })] as const
  // One that is lost fails its next query; without a listener it would end the process.
  for (const connection of connections) connection.on('error', () => {})
  await Promise.all(connections.map((connection) => connection.connect()))
  const { rows } = await connections[0].query<{ bypasses: boolean }>(
    'select rolsuper or rolbypassrls as bypasses from pg_roles where rolname = current_user',
  )
  if (!rows[0]?.bypasses) {
    await Promise.all(connections.map((connection) => connection.end()))
    return 'the login does not bypass row-level security'
  }
  for (const connection of connections) {
    // As in the store's functions: planned once.
    for (const set of [
      `pgfleet.tenant = '${TENANT}'`,
      'plan_cache_mode = force_generic_plan',
      'synchronous_commit = off',
    ])
      await connection.query(`set ${set}`)
  }
  return connections
}

/** Both ways of one statement, in turn; who begins changes with every pair, so that neither profits from the other's warmth. */
function pairContestant(work: Work, size: number, rows: number, connections: State['connections']): Contestant {
  const name = contestantName(work.name, size)
  const query = async (connection: pg.Client): Promise<number> => {
    // Spread over the table, each once.
    const first = any(rows)
    const keys = Array.from({ length: size }, (_, i) => (first + i * Math.max(1, Math.floor(rows / size))) % rows)
    const values = work.values(keys)
    const started = performance.now()
    await connection.query({ name: `${work.name} ${size}`, text: work.text, values })
    return performance.now() - started
  }
  return {
    name,
    kind: 'pgfleet',
    callers: 1,
    async run({ warmUpMs, durationMs, signal }: RoundContext): Promise<Outcome> {
      if (typeof connections === 'string') return { unavailable: connections }
      const all = { bypass: [] as number[], app: [] as number[] }
      const ratios: number[] = []
      const memory = watchMemory()
      // One session may run better than the other, whatever its role: each is the application's for half of the time.
      for (const [app, bypass] of [connections, connections.toReversed() as [pg.Client, pg.Client]]) {
        await bypass.query('reset role')
        // pgfleet-lint ignore session-setting: a connection of this benchmark's own, which no pool gets back
        await app.query('set role pgfleet_app')
        const times = { bypass: [] as number[], app: [] as number[] }
        const pairs = async (milliseconds: number, counted: boolean) => {
          const end = performance.now() + milliseconds
          for (let n = 0; n < 2 || performance.now() < end; n++) {
            signal.throwIfAborted()
            for (const way of n % 2 ? (['bypass', 'app'] as const) : (['app', 'bypass'] as const)) {
              const took = await query(way === 'app' ? app : bypass)
              if (counted) times[way].push(took)
            }
          }
        }
        await pairs(warmUpMs / 2, false)
        await pairs(durationMs / 2, true)
        ratios.push((median(times.app) ?? 0) / (median(times.bypass) ?? 1))
        all.app.push(...times.app)
        all.bypass.push(...times.bypass)
      }
      const rss = memory.stop()
      const sorted = all.app.toSorted((a, b) => a - b)
      const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null
      const seconds = all.app.reduce((sum, one) => sum + one, 0) / 1000
      const overhead = (Math.sqrt(ratios.reduce((product, ratio) => product * ratio, 1)) - 1) * 100
      return {
        sample: {
          operations: sorted.length,
          itemsPerOperation: size,
          seconds,
          throughput: (sorted.length * size) / seconds,
          mean: (seconds * 1000) / sorted.length,
          p50: at(0.5),
          p95: at(0.95),
          p99: at(0.99),
          max: at(1),
          errors: 0,
          firstError: null,
          rss,
          figures: { overhead, bypassP50: median(all.bypass) ?? 0 },
        },
      }
    },
  }
}
