import type { Fleet, Tenant } from '../../fleet.js'
import { type Contestant, loadContestant } from '../contestant.js'
import { pgbenchContestant } from '../pgbench.js'
import type { Scenario } from '../scenario.js'
import type { Target } from '../target.js'
import { any } from './learning-data.js'
import { fillEntries, HOT_KEYS, KEYS, keyOf } from './metadata-data.js'
import { subscribersContestant } from './metadata-subscribers.js'
import { rivalUrl } from './rival.js'
import type { BenchSubject } from './subject.js'

const TENANT = 'bench-metadata'
const RIVAL = 'bench-metadata-rival'
const ASYNC = 'bench-metadata-async'
const FOLLOWED = 'bench-metadata-followed'
const AGENT = 'agent-1'
const TICK_MS = 20
/** Of 1,000 clients of pgbench that wait for each other's rows none ends a transaction within seconds here. */
const HOT_CLIENTS = 200
const SOURCE = 'metadata store, speed'

interface State {
  readonly fleet: Fleet
  readonly rows: number
  /** Connections that the server takes. */
  readonly connectionsMax: number
}

/** One set, a row at a time: the entity by its name, the right of the agent, and the upsert of the key. */
const BARE_SET = `\\set n random(0, :rows - 1)
\\set entity :n / ${KEYS}
\\set key :n % ${KEYS}
\\set value random(1, 1000000000)
insert into metadata.entries as e (tenant_id, entity_id, key, version, created_at, updated_at, updated_by, integer_value)
select n.tenant_id, n.entity_id, 'key-' || :key, 1, now(), now(), r.agent_id, :value
from metadata.entities n
join metadata.roles r on r.tenant_id = n.tenant_id and r.agent_id = '${AGENT}' and r.sync_group = n.sync_group and r.can_update
where n.tenant_id = '${RIVAL}' and n.name = 'entity-' || :entity
on conflict (tenant_id, entity_id, key) do update
set version = e.version + 1, updated_at = excluded.updated_at, updated_by = excluded.updated_by, integer_value = excluded.integer_value,
  is_deleted = false
where e.integer_value is distinct from excluded.integer_value
returning e.version;
`
/** The library's statement, with one item. */
const SET = `\\set n random(0, :rows - 1)
\\set entity :n / ${KEYS}
\\set key :n % ${KEYS}
\\set value random(1, 1000000000)
select * from metadata.set_entries('${RIVAL}', jsonb_build_array(jsonb_build_object('entity', 'entity-' || :entity, 'key', 'key-' || :key,
  'type', 'integer', 'value', (:value)::text, 'agent', '${AGENT}')));
`
/** One read, a row at a time. */
const BARE_GET = `\\set n random(0, :rows - 1)
\\set entity :n / ${KEYS}
\\set key :n % ${KEYS}
select e.integer_value, e.version, e.updated_at, e.updated_by
from metadata.entities n
join metadata.roles r on r.tenant_id = n.tenant_id and r.agent_id = '${AGENT}' and r.sync_group = n.sync_group and r.can_read
join metadata.entries e on e.tenant_id = n.tenant_id and e.entity_id = n.entity_id and e.key = 'key-' || :key
where n.tenant_id = '${RIVAL}' and n.name = 'entity-' || :entity and not e.is_deleted and e.expires_at > statement_timestamp();
`

const names = {
  set: (callers: number) => `durable set, ${callers} callers`,
  pgbenchSet: (clients: number) => `pgbench set, ${clients} clients`,
  hot: `durable set, 1,000 callers on ${HOT_KEYS} keys`,
  pgbenchHot: `pgbench set, ${HOT_CLIENTS} clients on ${HOT_KEYS} keys`,
  asynchronous: 'async set, 100 callers',
  get: 'get, 100 callers',
  pgbenchGet: 'pgbench get, 100 clients',
  subscribers: '1,000 subscribers, 100 changes a tick',
}

const median = (id: string, what: string, of: 'throughput' | 'p99', contestant: string, value: number): Target => ({
  id,
  what,
  source: SOURCE,
  metric: { kind: 'median', of, contestant },
  op: of === 'p99' ? '<=' : '>=',
  value,
})
const ratio = (id: string, what: string, contestant: string, to: string, value: number): Target => ({
  id,
  what,
  source: SOURCE,
  metric: { kind: 'ratio', of: 'throughput', contestant, to },
  op: '>=',
  value,
})

/** Entries set and read by single calls of an agent, and followed by subscribers; beside pgbench on the same tables. */
export const metadata: Scenario<BenchSubject, State> = {
  name: 'metadata',
  title: 'Metadata store: writes, reads, subscriptions',
  description:
    `Single calls of an agent whose rights are checked, on ${'50,000'} integers of 500 entities; every commit durable where it is not said ` +
    'otherwise. pgbench sends one row a statement to the same tables, as the application role with its tenant set for the session: the entity ' +
    'by name, the role of the agent, and the upsert of the key; it logs no change that anybody could follow. ' +
    `1,000 callers on ${HOT_KEYS} keys stand beside ${HOT_CLIENTS} clients: with as many, pgbench ended no transaction. Subscribers get ` +
    `changes of a group that ticks every ${TICK_MS} ms; their latency is from the return of the write to the message.`,
  options: { rows: 50_000, durationMs: 4000, warmUpMs: 1000, rounds: 5 },
  targets: [
    median('set-rate', 'durable sets a second, 100 callers', 'throughput', names.set(100), 20_000),
    ratio('set-pgbench', 'durable sets, against pgbench', names.set(100), names.pgbenchSet(100), 1.5),
    median('hot-rate', `logical updates a second, 1,000 callers on ${HOT_KEYS} keys`, 'throughput', names.hot, 100_000),
    ratio('async-durable', 'asynchronous sets, against durable ones', names.asynchronous, names.set(100), 1),
    median('set-p99', 'durable set, 18 callers, p99', 'p99', names.set(18), 5),
    {
      id: 'set-hot',
      what: 'share of updates that are HOT',
      source: SOURCE,
      metric: { kind: 'median', of: 'figure.hotShare', contestant: names.set(100) },
      op: '>=',
      value: 0.9,
      unit: '',
    },
    median('get-rate', 'reads a second, 100 callers, permissions checked', 'throughput', names.get, 50_000),
    median('subscribers-p99', 'from the commit to the message, p99', 'p99', names.subscribers, TICK_MS + 20),
  ],

  async setUp({ subject, options, progress }) {
    const fleet = await subject.open()
    for (const id of [TENANT, RIVAL, ASYNC, FOLLOWED]) {
      await fleet.tenants.create({ id }, { ifNotExists: true })
      const tenant = fleet.tenant(id)
      const group = id === FOLLOWED ? 'REALTIME' : 'NORMAL'
      if (id === ASYNC) await tenant.metadata.groups.set({ name: group, durability: 'async' })
      if (id === FOLLOWED) await tenant.metadata.groups.set({ name: group, tickMs: TICK_MS })
      await tenant.metadata.roles.grant({ agentId: AGENT, syncGroup: group, insert: true, update: true })
      progress(`setting ${options.rows} keys of ${id}`)
      await fillEntries(fleet, tenant, 'entity', options.rows, group)
    }
    progress('vacuuming')
    await fleet.database.lend((connection) =>
      connection.query('vacuum (analyze) metadata.entities, metadata.entries, metadata.roles, metadata.sync_groups'),
    )
    const connectionsMax = await fleet.database.lend(async (connection) => {
      const { rows } = await connection.query<{ max: string }>(`select current_setting('max_connections') as max`)
      return Number(rows[0]?.max)
    })
    return { fleet, rows: options.rows, connectionsMax }
  },

  contestants({ subject }, { fleet, rows, connectionsMax }) {
    const agentOf = (id: string): Tenant => fleet.tenant(id).as({ actor: { type: 'agent', id: AGENT } })
    const { metadata } = agentOf(TENANT)
    const url = rivalUrl(subject.url, RIVAL)
    let value = 0
    const set = (name: string, tenant: Tenant, callers: number, keys: number, rival?: string): Contestant => {
      let before = { updated: 0, hot: 0 }
      return loadContestant({
        name,
        callers,
        ...(rival === undefined ? {} : { rival }),
        operation: (_, signal) =>
          tenant.metadata.set({ ...keyOf('entity', any(keys)), value: ++value % 1_000_000_000 }, { signal }),
        async before() {
          before = await updates(fleet)
        },
        async figures() {
          const after = await updates(fleet)
          const updated = after.updated - before.updated
          return { hotShare: (after.hot - before.hot) / Math.max(1, updated), rowsUpdated: updated }
        },
      })
    }
    const bench = (name: string, callers: number, script: string, keys: number, as: string | null): Contestant =>
      as !== null && callers + 50 > connectionsMax
        ? {
            name,
            kind: 'pgbench',
            callers,
            run: async () => ({ unavailable: `the server takes ${connectionsMax} connections` }),
          }
        : pgbenchContestant({ name, callers, url: as, script, variables: { rows: keys } })
    return [
      set(names.set(100), agentOf(TENANT), 100, rows, names.pgbenchSet(100)),
      bench(names.pgbenchSet(100), 100, BARE_SET, rows, url),
      bench('pgbench metadata.set_entries, 100 clients', 100, SET, rows, subject.url),
      set(names.asynchronous, agentOf(ASYNC), 100, rows),
      set(names.set(18), agentOf(TENANT), 18, rows, names.pgbenchSet(18)),
      bench(names.pgbenchSet(18), 18, BARE_SET, rows, url),
      set(names.hot, agentOf(TENANT), 1000, HOT_KEYS, names.pgbenchHot),
      bench(names.pgbenchHot, HOT_CLIENTS, BARE_SET, HOT_KEYS, url),
      loadContestant({
        name: names.get,
        callers: 100,
        rival: names.pgbenchGet,
        operation: (_, signal) => metadata.get(keyOf('entity', any(rows)), { signal }),
      }),
      bench(names.pgbenchGet, 100, BARE_GET, rows, url),
      subscribersContestant({
        name: names.subscribers,
        tenant: agentOf(FOLLOWED),
        group: 'REALTIME',
        prefix: 'entity',
        tickMs: TICK_MS,
        subscribers: 1000,
        changes: 100,
        seenBy: 10,
      }),
    ]
  },

  async tearDown(_, state) {
    await state?.fleet.close()
  },
}

/** The table's counters of updates, once the backends have reported them. */
async function updates(fleet: Fleet): Promise<{ updated: number; hot: number }> {
  return await fleet.database.lend(async (connection) => {
    // Backends report at most once a second when idle; the counters of the last moments are not what is measured.
    await new Promise((resolve) => setTimeout(resolve, 1100))
    const { rows } = await connection.query<{ updated: number; hot: number }>(
      `select n_tup_upd as updated, n_tup_hot_upd as hot from pg_stat_user_tables where relid = 'metadata.entries'::regclass`,
    )
    return rows[0] ?? { updated: 0, hot: 0 }
  })
}
