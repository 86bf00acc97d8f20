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
/** Milliseconds that a role keeps the session for, and so what a disturbance can last without touching one role more than the other. */
const TURN = 5
const BYPASS = 'pgfleet_bench_bypass'

/**
 * A role that differs from the application's in row-level security alone: of the same rights, so that looking them up, which a
 * superuser is spared, is not counted as a cost of the policies.
 */
const MAKE_BYPASS = `create role ${BYPASS} bypassrls;
  grant usage on schema memory, learning to ${BYPASS};
  grant select, insert, update on memory.key_values, memory.agent_states, learning.q_values to ${BYPASS}`

interface State {
  readonly fleet: Fleet
  readonly rows: number
  /** A session of a login that may act as both roles, in the tenant; or why there is none. */
  readonly connection: pg.Client | string
}

type Role = 'pgfleet_app' | typeof BYPASS
/** How a look-up asks for the tenant of a row: the second form as memory.get_values does, where the key is the policy's to give. */
type OfTenant = '=' | 'is not distinct from'

/** What is compared, the first with the second. */
interface Pair {
  readonly suffix: string
  readonly sides: readonly [Side, Side]
}
interface Side {
  readonly role: Role
  readonly ofTenant: OfTenant
}
const BYPASSING: Side = { role: BYPASS, ofTenant: '=' }
/** The same statement with the policies and without. */
const ALIKE: Pair = { suffix: '', sides: [{ role: 'pgfleet_app', ofTenant: '=' }, BYPASSING] }
/** As the store asks, which leaves the key to the policy. */
const AS_STORE: Pair = {
  suffix: ', as the store asks',
  sides: [{ role: 'pgfleet_app', ofTenant: 'is not distinct from' }, BYPASSING],
}
/** Both sides alike: what the measurement itself makes up. */
const CONTROL: Pair = { suffix: ', control', sides: [BYPASSING, BYPASSING] }

/** A statement over many keys: an array of as many as the batch has. */
interface Work {
  readonly name: string
  /** What does not look up is the same whatever it is given. */
  text(ofTenant: OfTenant): string
  values(keys: readonly number[]): unknown[]
}

const WORKS: readonly Work[] = [
  {
    name: 'kv get',
    text: (ofTenant) => `select v.value, v.version from unnest($1::text[]) as x(key)
      cross join lateral (select k.value, k.version from memory.key_values k
        where k.tenant_id ${ofTenant} $2::text and k.key = x.key and k.expires_at > statement_timestamp() offset 0) v`,
    values: (keys) => [keys.map((n) => `key/${n}`), TENANT],
  },
  {
    name: 'kv set',
    text: () => `insert into memory.key_values as v (tenant_id, key, version, created_at, updated_at, expires_at, value)
      select $2::text, x.key, 1, now(), now(), 'infinity', $3::jsonb from unnest($1::text[]) as x(key) order by x.key
      on conflict (tenant_id, key) do update
      set version = v.version + 1, updated_at = excluded.updated_at, expires_at = excluded.expires_at, value = excluded.value
      returning v.version`,
    values: (keys) => [keys.map((n) => `key/${n}`), TENANT, '{"user": "user-1", "tags": ["a", "b"]}'],
  },
  {
    name: 'agent state load',
    text: (ofTenant) => `select a.* from unnest($1::text[]) as x(agent_id)
      cross join lateral (select s.state, s.version, s.checksum from memory.agent_states s
        where s.tenant_id ${ofTenant} $2::text and s.agent_id = x.agent_id offset 0) a`,
    values: (keys) => [keys.map((n) => `agent-${n}`), TENANT],
  },
  {
    name: 'learning best',
    text: (ofTenant) => `select b.* from unnest($1::uuid[]) as x(state_hash)
      cross join lateral (
        select v.action, case when v.q_b is null then v.q else (v.q + v.q_b) / 2 end as value, v.visits from learning.q_values v
        where v.tenant_id ${ofTenant} $2::text and v.state_hash = x.state_hash and v.agent_type = 'test-generator' and v.expires_at > statement_timestamp()
        order by value desc, v.action_hash limit 1) b`,
    values: (keys) => [keys.map((n) => `00000000-0000-8000-8000-${n.toString(16).padStart(12, '0')}`), TENANT],
  },
]

/** What is asked more ways than one, in large batches. */
const FURTHER: Readonly<Record<string, readonly Pair[]>> = {
  'kv get': [AS_STORE, CONTROL],
  'kv set': [CONTROL],
  'agent state load': [AS_STORE],
  'learning best': [AS_STORE],
}

/** What row-level security costs: the same statements with it and without, by turns in one session. */
export const memoryRls: Scenario<BenchSubject, State> = {
  name: 'memory-rls',
  title: 'Row-level security: what it costs',
  description:
    'The same prepared statements with the same keys, tenant and all, as the application role, under the policies, and as a role of the same ' +
    'rights that bypasses them, in turns of a few milliseconds in one session, so that both have the same server process; single and with 100 ' +
    'keys a statement. The overhead of a round is the ratio of the median times, less 1. "As the store asks": under the policies the look-up has the form that ' +
    'the functions of the store give it, which leaves the key of the tenant to the policy; the other role has the same statement as before. Control: both sides are ' +
    'the role that bypasses, so that what it shows is the measurement alone. Needs a server and a superuser. Commits are asynchronous, so that no disk hides the cost.',
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
    return { fleet, rows: options.rows, connection: await connect(subject.url) }
  },

  contestants(_, { rows, connection }) {
    return WORKS.flatMap((work) => [
      pairContestant(work, 1, ALIKE, rows, connection),
      ...[ALIKE, ...(FURTHER[work.name] ?? [])].map((pair) => pairContestant(work, BATCH, pair, rows, connection)),
    ])
  },

  async tearDown(_, state) {
    if (state !== undefined && typeof state.connection !== 'string') {
      await state.connection.query(`reset role; drop owned by ${BYPASS}; drop role ${BYPASS}`)
      await state.connection.end()
    }
    await state?.fleet.close()
  },
}

function contestantName(work: string, size: number): string {
  return size === 1 ? `${work}, one` : `${work}, ${size} a statement`
}

async function connect(url: string | null): Promise<State['connection']> {
  if (url === null) return 'the embedded database has no login that may act as another role'
  const connection = new pg.Client({ connectionString: url })
  // One that is lost fails its next query; without a listener it would end the process.
  connection.on('error', () => {})
  try {
    await connection.connect()
    const { rows } = await connection.query<{ superuser: boolean; made: boolean }>(
      `select rolsuper as superuser, to_regrole('${BYPASS}') is not null as made from pg_roles where rolname = current_user`,
    )
    if (!rows[0]?.superuser) {
      await connection.end()
      return 'only a superuser may make a role that bypasses row-level security'
    }
    // An aborted run leaves it behind.
    if (rows[0].made) await connection.query(`drop owned by ${BYPASS}; drop role ${BYPASS}`)
    await connection.query(MAKE_BYPASS)
    // As in the store's functions: planned once.
    for (const set of [
      `pgfleet.tenant = '${TENANT}'`,
      'plan_cache_mode = force_generic_plan',
      'synchronous_commit = off',
    ])
      await connection.query(`set ${set}`)
    return connection
  } catch (error) {
    // Left open, it would keep the process alive; one that never came to be has nothing to end.
    await connection.end().catch(() => {})
    throw error
  }
}

/** Both ways of one statement, by turns; who begins changes with every pair of turns, so that neither profits from the other's warmth. */
function pairContestant(
  work: Work,
  size: number,
  { suffix, sides }: Pair,
  rows: number,
  connection: State['connection'],
): Contestant {
  const name = `${contestantName(work.name, size)}${suffix}`
  const someKeys = (): number[] => {
    // Spread over the table, each once.
    const first = any(rows)
    return Array.from({ length: size }, (_, i) => (first + i * Math.max(1, Math.floor(rows / size))) % rows)
  }
  return {
    name,
    kind: 'pgfleet',
    callers: 1,
    async run({ warmUpMs, durationMs, signal }: RoundContext): Promise<Outcome> {
      if (typeof connection === 'string') return { unavailable: connection }
      const session = connection
      const times: readonly [number[], number[]] = [[], []]
      // A plan is made for one role, so each side has a statement of its own.
      const statements = sides.map(({ ofTenant }, side) => ({
        name: `${side} ${name}`,
        text: work.text(ofTenant),
      })) as unknown as readonly [{ name: string; text: string }, { name: string; text: string }]
      const query = async (side: 0 | 1, keys: readonly number[]): Promise<number> => {
        const values = work.values(keys)
        const started = performance.now()
        await session.query({ ...statements[side], values })
        return performance.now() - started
      }
      const turns = async (milliseconds: number, counted: boolean) => {
        const end = performance.now() + milliseconds
        // An even count: what begins finds keys that nobody has just used, and takes longer; each side does so equally often.
        for (let pair = 0; pair % 2 === 1 || pair === 0 || performance.now() < end; pair++) {
          signal.throwIfAborted()
          const keys = [someKeys()]
          for (const side of pair % 2 ? ([1, 0] as const) : ([0, 1] as const)) {
            const first = side === pair % 2
            // pgfleet-lint ignore session-setting: a connection of this benchmark's own, which no pool gets back
            await session.query(`set role ${sides[side].role}`)
            // The first statement finds what the server remembers of the other role.
            await query(side, keys[0] as number[])
            const until = performance.now() + TURN
            for (let n = 1; first ? performance.now() < until : n < keys.length; n++) {
              if (first) keys.push(someKeys())
              const took = await query(side, keys[n] as number[])
              if (counted) times[side].push(took)
            }
          }
        }
      }
      const memory = watchMemory()
      await turns(warmUpMs, false)
      await turns(durationMs, true)
      const rss = memory.stop()
      const [app, bypass] = times
      const sorted = app.toSorted((a, b) => a - b)
      const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null
      const seconds = app.reduce((sum, one) => sum + one, 0) / 1000
      const [appP50, bypassP50] = [median(app) ?? 0, median(bypass) ?? 1]
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
          figures: { overhead: (appP50 / bypassP50 - 1) * 100, bypassP50 },
        },
      }
    },
  }
}
