import { v7 as uuidv7 } from 'uuid'
import type { Fleet, Tenant } from '../../fleet.js'
import { type Contestant, loadContestant } from '../contestant.js'
import { pgbenchContestant } from '../pgbench.js'
import type { Scenario } from '../scenario.js'
import {
  ACTIONS,
  AGENT_TYPES,
  any,
  benchState,
  fillPatterns,
  fillRival,
  fillValues,
  misspelt,
  patternName,
  typeOf,
} from './learning-data.js'
import { rivalUrl } from './rival.js'
import type { BenchSubject } from './subject.js'

const TENANT = 'bench'
const RIVAL = 'bench-rival'
const PATTERNS = 100_000
const README = 'README of the Q-learning database'
const TUNING = 'tuning guide of the Q-learning database'

interface State {
  readonly fleet: Fleet
  readonly tenant: Tenant
  /** States of each agent type. */
  readonly states: number
}

/** One of the tenant's agent types, by its number. */
const TYPE = `(array[${AGENT_TYPES.map((type) => `'${type}'`).join()}])[:agent]`

/** The statement that the library sends, with one item. */
const LOOKUP = `\\set state random(0, :states - 1)
\\set agent random(1, 18)
select * from learning.best('${RIVAL}', jsonb_build_array(jsonb_build_object('agent_type', ${TYPE}, 'state_hash', md5((:state)::text)::uuid)));
`
const UPDATE = `\\set state random(0, :states - 1)
\\set next random(0, :states - 1)
\\set agent random(1, 18)
\\set action random(0, 7)
\\set reward random(0, 1000)
select * from learning.learn('${RIVAL}', jsonb_build_array(jsonb_build_object('agent_type', ${TYPE}, 'reward', :reward / 1000.0,
  'state_hash', md5((:state)::text)::uuid, 'next_state_hash', md5((:next)::text)::uuid, 'action_hash', md5('action-' || :action)::uuid,
  'state', jsonb_build_object('module', 'module-1', 'complexity', (:state)::integer, 'coverage', 1), 'action', 'action-' || :action)));
`

/** The statement inside learning.best, for one state: without the function, and without entering the tenant. */
const BARE_LOOKUP = `\\set state random(0, :states - 1)
\\set agent random(1, 18)
select v.action, case when v.q_b is null then v.q else (v.q + v.q_b) / 2 end as value, v.visits
from learning.q_values v
where v.tenant_id = '${RIVAL}' and v.state_hash = md5((:state)::text)::uuid and v.agent_type = ${TYPE}
  and v.expires_at > statement_timestamp()
order by value desc, v.action_hash
limit 1;
`

/** The upsert inside learning.learn, for one experience. */
const BARE_UPDATE = `\\set state random(0, :states - 1)
\\set next random(0, :states - 1)
\\set agent random(1, 18)
\\set action random(0, 7)
\\set reward random(0, 1000)
insert into learning.q_values as v (tenant_id, state_hash, agent_type, action_hash, q, visits, td_error, learning_rate,
  created_at, updated_at, expires_at, state, action)
select '${RIVAL}', md5((:state)::text)::uuid, ${TYPE}, md5('action-' || :action)::uuid, 0.1 * n.target, 1, n.target, 0.1,
  now(), now(), date_trunc('day', now(), 'UTC') + interval '31 days',
  jsonb_build_object('module', 'module-1', 'complexity', (:state)::integer, 'coverage', 1), to_jsonb('action-' || :action)
from (
  select :reward / 1000.0 + 0.95 * coalesce(max(case when w.q_b is null then w.q else (w.q + w.q_b) / 2 end), 0) as target
  from learning.q_values w
  where w.tenant_id = '${RIVAL}' and w.state_hash = md5((:next)::text)::uuid and w.agent_type = ${TYPE} and w.expires_at > now()
) n
on conflict (tenant_id, state_hash, agent_type, action_hash) do update
set q = v.q + 0.1 * (excluded.td_error - v.q), visits = v.visits + 1, td_error = excluded.td_error - v.q,
  updated_at = excluded.updated_at, expires_at = excluded.expires_at
returning q, visits;
`

const faster = (operation: string, callers: number, times: number) => ({
  id: `${operation}-${callers}-pgbench`,
  what: `${operation}s of ${callers} callers, against pgbench with ${callers} clients`,
  source: 'ARCHITECTURE.md, promise 1',
  metric: {
    kind: 'ratio' as const,
    of: 'throughput' as const,
    contestant: `${operation}, ${callers} callers`,
    to: `pgbench ${operation}, ${callers} clients`,
  },
  op: '>=' as const,
  value: times,
})
const median = (
  id: string,
  what: string,
  source: string,
  of: 'throughput' | 'p50' | 'p99' | 'rss',
  contestant: string,
  value: number,
) => ({
  id,
  what,
  source,
  metric: { kind: 'median' as const, of, contestant },
  op: of === 'throughput' ? ('>=' as const) : ('<=' as const),
  value,
})

/** The operations of the learning store on 144,000 values, durable commits, beside pgbench on the same table. */
export const learning: Scenario<BenchSubject, State> = {
  name: 'learning',
  title: 'Learning store: lookups, updates, trajectories, pattern search',
  description:
    'Single calls of 18 and 100 callers on 144,000 action values (18 agent types, 1,000 states, 8 actions) and 100,000 patterns, every commit ' +
    'durable. pgbench sends the same statements to the same server, one item a statement. Its bare contestants leave the function away: the ' +
    'statement inside it, with role and tenant set for the session.',
  options: { rows: 144_000, durationMs: 4000, warmUpMs: 1000, rounds: 5 },
  targets: [
    faster('lookup', 18, 1.2),
    faster('lookup', 100, 2),
    faster('update', 18, 1.5),
    faster('update', 100, 2),
    median('lookup-p99', 'lookup, p99', README, 'p99', 'lookup, 18 callers', 3),
    median('lookup-p50', 'lookup, median', README, 'p50', 'lookup, 18 callers', 0.8),
    median('lookup-rate', 'lookups a second', README, 'throughput', 'lookup, 18 callers', 10_000),
    median('update-p99', 'update, p99', README, 'p99', 'update, 18 callers', 5),
    median('update-p50', 'update, median', TUNING, 'p50', 'update, 18 callers', 2),
    median('update-rate', 'updates a second', README, 'throughput', 'update, 18 callers', 5_000),
    {
      id: 'update-hot',
      what: 'share of updates that are HOT',
      source: 'style of the table',
      metric: { kind: 'median', of: 'figure.hotShare', contestant: 'update, 18 callers' },
      op: '>=',
      value: 0.9,
      unit: '',
    },
    median(
      'trajectory-rate',
      'trajectories with 10 rewards a second',
      README,
      'throughput',
      'trajectory, 18 callers',
      3_000,
    ),
    median('trajectory-p99', 'trajectory, p99', README, 'p99', 'trajectory, 18 callers', 8),
    median('search-rate', 'pattern searches a second', README, 'throughput', 'pattern search, 18 callers', 2_000),
    median('search-p99', 'pattern search, p99', README, 'p99', 'pattern search, 18 callers', 15),
    ...['lookup, 100 callers', 'update, 100 callers', 'trajectory, 18 callers', 'pattern search, 18 callers'].map(
      (contestant) =>
        median(
          `rss-${contestant.split(',')[0]}`,
          `memory of this process, ${contestant}`,
          'memory',
          'rss',
          contestant,
          200,
        ),
    ),
  ],

  async setUp({ subject, options, signal, progress }) {
    const fleet = await subject.open()
    for (const id of [TENANT, RIVAL]) await fleet.tenants.create({ id }, { ifNotExists: true })
    const tenant = fleet.tenant(TENANT)
    const states = Math.max(1, Math.round(options.rows / 18 / ACTIONS))
    const held = await tenant.learning.reports.statistics()
    if (held.qValues !== options.rows) {
      progress(`learning ${options.rows} values`)
      await fillValues(tenant, states, signal)
      await fillRival(fleet, RIVAL, states)
    }
    if (held.patterns < PATTERNS) {
      progress(`keeping ${PATTERNS} patterns`)
      await fillPatterns(tenant, PATTERNS, signal)
    }
    progress('vacuuming')
    await fleet.database.lend((connection) => connection.query('vacuum (analyze) learning.q_values, learning.patterns'))
    return { fleet, tenant, states }
  },

  contestants({ subject }, { fleet, tenant, states }) {
    const { learning } = tenant
    const url = rivalUrl(subject.url, RIVAL)
    const lookup = (callers: number) => [
      loadContestant({
        name: `lookup, ${callers} callers`,
        callers,
        rival: `pgbench lookup, ${callers} clients`,
        operation: (caller, signal) => learning.best(typeOf(caller), benchState(any(states)), { signal }),
      }),
      pgbenchContestant({
        name: `pgbench lookup, ${callers} clients`,
        callers,
        url: subject.url,
        script: LOOKUP,
        variables: { states },
      }),
      pgbenchContestant({
        name: `pgbench bare lookup, ${callers} clients`,
        callers,
        url,
        script: BARE_LOOKUP,
        variables: { states },
      }),
    ]
    const experience = (caller: number) => ({
      agentType: typeOf(caller),
      state: benchState(any(states)),
      action: `action-${any(ACTIONS)}`,
      reward: Math.random(),
      nextState: benchState(any(states)),
    })
    const update = (callers: number): Contestant[] => {
      let before = { updated: 0, hot: 0 }
      return [
        loadContestant({
          name: `update, ${callers} callers`,
          callers,
          rival: `pgbench update, ${callers} clients`,
          operation: (caller, signal) => learning.learn(experience(caller), { signal }),
          async before() {
            before = await updates(fleet)
          },
          async figures() {
            const after = await updates(fleet)
            return { hotShare: (after.hot - before.hot) / Math.max(1, after.updated - before.updated) }
          },
        }),
        pgbenchContestant({
          name: `pgbench update, ${callers} clients`,
          callers,
          url: subject.url,
          script: UPDATE,
          variables: { states },
        }),
        pgbenchContestant({
          name: `pgbench bare update, ${callers} clients`,
          callers,
          url,
          script: BARE_UPDATE,
          variables: { states },
        }),
      ]
    }
    return [
      ...lookup(18),
      ...lookup(100),
      ...update(18),
      ...update(100),
      loadContestant({
        name: 'update with id, 18 callers',
        callers: 18,
        operation: (caller, signal) => learning.learn({ ...experience(caller), id: uuidv7() }, { signal }),
      }),
      loadContestant({
        name: 'choose, 18 callers',
        callers: 18,
        operation: (caller, signal) => learning.choose(typeOf(caller), benchState(any(states)), { signal }),
      }),
      loadContestant({
        name: 'trajectory, 18 callers',
        callers: 18,
        operation: (caller, signal) => {
          const now = new Date()
          return learning.recordTrajectories(
            [
              {
                id: uuidv7(),
                agentType: typeOf(caller),
                initialState: benchState(any(states)),
                finalState: benchState(any(states)),
                actions: ['action-1', 'action-2'],
                rewards: Array.from({ length: 10 }, () => Math.random()),
                executionMs: 12,
                succeeded: true,
                startedAt: now,
                completedAt: now,
              },
            ],
            { signal },
          )
        },
      }),
      loadContestant({
        name: 'pattern search, 18 callers',
        callers: 18,
        operation: (_, signal) => {
          const n = any(PATTERNS)
          return learning.patterns.search({ name: misspelt(patternName(n), n), agentType: typeOf(n) }, { signal })
        },
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
      `select n_tup_upd as updated, n_tup_hot_upd as hot from pg_stat_user_tables where relid = 'learning.q_values'::regclass`,
    )
    return rows[0] ?? { updated: 0, hot: 0 }
  })
}
