import { v7 as uuidv7 } from 'uuid'
import type { Fleet, Tenant } from '../../fleet.js'
import { type Contestant, loadContestant } from '../contestant.js'
import { pgbenchContestant } from '../pgbench.js'
import type { Scenario } from '../scenario.js'
import { any } from './learning-data.js'
import { rivalUrl } from './rival.js'
import type { BenchSubject } from './subject.js'

const TENANT = 'bench-records'
const SOURCE = 'storage targets of the scripting runtime'

interface State {
  readonly fleet: Fleet
  readonly tenant: Tenant
  readonly rows: number
}

const value = (n: number) => ({ user: `user-${n % 1000}`, count: n, tags: ['a', 'b'], note: 'x'.repeat(100) })
const agentState = (n: number) => ({
  task: `task-${n}`,
  memory: Array.from({ length: 20 }, (_, i) => `fact ${n} ${i}`),
})
/** About 3 KB of JSON, as an agent's hook sees it. */
const CONTEXT = {
  messages: Array.from({ length: 20 }, (_, i) => ({
    role: i % 2 ? 'agent' : 'user',
    text: `message ${i} `.repeat(10),
  })),
}
/** One of 10,000: 100 keys, 10 values each before and after. */
const transition = (n: number) => ({
  scope: 'bench',
  key: `key-${n % 100}`,
  from: `${Math.floor(n / 100) % 10}`,
  to: `${Math.floor(n / 1000)}`,
})
const keyOf = (n: number) => `key/${n}`

const GET = `\\set key random(0, :rows - 1)
select v.value, v.bytes, v.version from memory.key_values v
where v.tenant_id = '${TENANT}' and v.key = 'key/' || :key and v.expires_at > statement_timestamp();
`
const SET = `\\set key random(0, :rows - 1)
insert into memory.key_values as v (tenant_id, key, version, created_at, updated_at, expires_at, value)
values ('${TENANT}', 'key/' || :key, 1, now(), now(), 'infinity', jsonb_build_object('user', 'user-1', 'count', 1, 'tags', '["a", "b"]'::jsonb, 'note', repeat('x', 100)))
on conflict (tenant_id, key) do update
set version = v.version + 1, updated_at = excluded.updated_at, expires_at = excluded.expires_at, value = excluded.value
returning version;
`

const target = (id: string, what: string, of: 'throughput' | 'p50' | 'p99', contestant: string, value: number) => ({
  id,
  what,
  source: SOURCE,
  metric: { kind: 'median' as const, of, contestant },
  op: of === 'throughput' ? ('>=' as const) : ('<=' as const),
  value,
})

/** Key-values, agent states, hooks and transitions, every commit durable. */
export const memoryRecords: Scenario<BenchSubject, State> = {
  name: 'memory-records',
  title: 'Memory store: key-values, agent states, hooks, transitions',
  description:
    'Single calls of one and of 18 callers on 100,000 keys (or --rows) and a tenth as many agents, every commit durable. pgbench sends the ' +
    'statement inside get and set, one row a statement, to the same table under the same policies.',
  options: { rows: 100_000, durationMs: 4000, warmUpMs: 1000, rounds: 5 },
  targets: [
    target('get-p50', 'agent state or key read, median', 'p50', 'kv get, 1 caller', 3),
    target('save-p50', 'agent state saved, median', 'p50', 'agent state save, 1 caller', 7),
    target('hook-p50', 'hook execution recorded, median', 'p50', 'hook record, 1 caller', 10),
    target('get-rate', 'keys read a second', 'throughput', 'kv get, 18 callers', 10_000),
    target('set-rate', 'keys set a second', 'throughput', 'kv set, 18 callers', 5_000),
    target('save-rate', 'agent states saved a second', 'throughput', 'agent state save, 18 callers', 1_500),
    target('hook-rate', 'hook executions recorded a second', 'throughput', 'hook record, 18 callers', 1_500),
    target('transition-rate', 'transitions recorded a second', 'throughput', 'transition, 18 callers', 5_000),
    ...(['memory.key_values', 'memory.transitions'] as const).map((table) => ({
      id: `${table}-hot`,
      what: `share of updates of ${table} that are HOT`,
      source: 'style of the table',
      metric: {
        kind: 'median' as const,
        of: 'figure.hotShare' as const,
        contestant: table === 'memory.key_values' ? 'kv set, 18 callers' : 'transition, 18 callers',
      },
      op: '>=' as const,
      value: 0.9,
      unit: '',
    })),
  ],

  async setUp({ subject, options, signal, progress }) {
    const fleet = await subject.open()
    await fleet.tenants.create({ id: TENANT }, { ifNotExists: true })
    const tenant = fleet.tenant(TENANT)
    const { rows } = options
    progress(`setting ${rows} keys and ${Math.ceil(rows / 10)} agent states`)
    const async = { durability: 'async', signal } as const
    for (let first = 0; first < rows; first += 1000) {
      signal.throwIfAborted()
      const numbers = Array.from({ length: Math.min(1000, rows - first) }, (_, i) => first + i)
      await tenant.memory.kv.setMany(
        numbers.map((n) => ({ key: keyOf(n), value: value(n) })),
        async,
      )
    }
    for (let first = 0; first < rows / 10; first += 500) {
      signal.throwIfAborted()
      const numbers = Array.from({ length: Math.min(500, Math.ceil(rows / 10) - first) }, (_, i) => first + i)
      await tenant.memory.agentStates.save(
        numbers.map((n) => ({ agentId: `agent-${n}`, state: agentState(n), agentType: 'bench' })),
        async,
      )
    }
    progress('recording transitions')
    const all = Array.from({ length: 10_000 }, (_, n) => transition(n))
    for (let time = 0; time < 20; time++) {
      signal.throwIfAborted()
      for (let first = 0; first < all.length; first += 1000)
        await tenant.memory.procedures.recordTransition(all.slice(first, first + 1000), async)
    }
    progress('vacuuming')
    await fleet.database.lend((connection) =>
      connection.query('vacuum (analyze) memory.key_values, memory.agent_states, memory.transitions'),
    )
    return { fleet, tenant, rows }
  },

  contestants({ subject }, { fleet, tenant, rows }) {
    const { kv, agentStates, hooks, procedures } = tenant.memory
    const url = rivalUrl(subject.url, TENANT)
    const agents = Math.ceil(rows / 10)
    const both = (name: string, operation: (caller: number, signal: AbortSignal) => Promise<unknown>): Contestant[] => [
      loadContestant({ name: `${name}, 1 caller`, callers: 1, operation }),
      loadContestant({ name: `${name}, 18 callers`, callers: 18, operation }),
    ]
    const hot = (
      name: string,
      table: string,
      rival: string | undefined,
      operation: (caller: number, signal: AbortSignal) => Promise<unknown>,
    ) => {
      let before = { updated: 0, hot: 0 }
      return loadContestant({
        name,
        callers: 18,
        ...(rival === undefined ? {} : { rival }),
        operation,
        async before() {
          before = await updates(fleet, table)
        },
        async figures() {
          const after = await updates(fleet, table)
          return { hotShare: (after.hot - before.hot) / Math.max(1, after.updated - before.updated) }
        },
      })
    }
    const get = (_: number, signal: AbortSignal) => kv.get(keyOf(any(rows)), { signal })
    const set = (_: number, signal: AbortSignal) => kv.set(keyOf(any(rows)), value(any(rows)), { signal })
    return [
      loadContestant({ name: 'kv get, 1 caller', callers: 1, operation: get }),
      loadContestant({ name: 'kv get, 18 callers', callers: 18, operation: get, rival: 'pgbench get, 18 clients' }),
      pgbenchContestant({ name: 'pgbench get, 18 clients', callers: 18, url, script: GET, variables: { rows } }),
      loadContestant({ name: 'kv set, 1 caller', callers: 1, operation: set }),
      hot('kv set, 18 callers', 'memory.key_values', 'pgbench set, 18 clients', set),
      pgbenchContestant({ name: 'pgbench set, 18 clients', callers: 18, url, script: SET, variables: { rows } }),
      loadContestant({
        name: 'kv compare and set, 18 callers',
        callers: 18,
        // Each caller has keys of its own, so that none is refused.
        operation: async (caller, signal) => {
          const key = `own/${caller}/${any(1000)}`
          const version = (await kv.entry(key, { signal }))?.version ?? 0
          return await kv.set(key, value(caller), { expectedVersion: version, signal })
        },
      }),
      ...both('agent state save', (_, signal) =>
        agentStates.save(`agent-${any(agents)}`, agentState(any(agents)), { signal }),
      ),
      ...both('agent state load', (_, signal) => agentStates.load(`agent-${any(agents)}`, { signal })),
      ...both('hook record', (caller, signal) =>
        hooks.record(
          {
            id: uuidv7(),
            hookId: `hook-${any(50)}`,
            hookType: 'before_tool',
            correlationId: `run-${caller}`,
            context: CONTEXT,
          },
          { signal },
        ),
      ),
      hot('transition, 18 callers', 'memory.transitions', undefined, (_, signal) =>
        procedures.recordTransition(transition(any(10_000)), { signal }),
      ),
      loadContestant({
        name: 'next step, 18 callers',
        callers: 18,
        operation: (_, signal) =>
          procedures.next({ scope: 'bench', key: `key-${any(100)}`, from: `${any(10)}` }, { signal }),
      }),
    ]
  },

  async tearDown(_, state) {
    await state?.fleet.close()
  },
}

/** The table's counters of updates, once the backends have reported them. */
async function updates(fleet: Fleet, table: string): Promise<{ updated: number; hot: number }> {
  return await fleet.database.lend(async (connection) => {
    // Backends report at most once a second when idle; the counters of the last moments are not what is measured.
    await new Promise((resolve) => setTimeout(resolve, 1100))
    const { rows } = await connection.query<{ updated: number; hot: number }>(
      'select n_tup_upd as updated, n_tup_hot_upd as hot from pg_stat_user_tables where relid = $1::regclass',
      [table],
    )
    return rows[0] ?? { updated: 0, hot: 0 }
  })
}
