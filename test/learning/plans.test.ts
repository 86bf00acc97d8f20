import { openFleet } from 'pgfleet'
import { LEARNING_STATEMENTS } from 'pgfleet/learning'
import { v7 as uuidv7 } from 'uuid'
import { expect, test } from 'vitest'
import { afterFile, createTestDatabase, onEngines, openTestFleet, sql } from '../setup/index.js'
import { comparesEachTime, nodesOf, openExplained, type PlanNode, rowsLookedAt } from '../setup/plans.js'
import { contentHash } from './reference.js'

const TENANT = 'planned'
const AGENT_TYPES = 18
const ACTIONS = 4
/** What grows with use: reading one of these from end to end is what must never happen. */
const LARGE =
  /^(q_values|experiences|trajectories|rewards|patterns|agent_states|sessions|policy_snapshot_values)(_p\d{6}|_h\d+)?$/

/** A session of the superuser that hears of every plan that its calls run, nested ones included. */
async function openSession(url: string) {
  const { client, plans } = await openExplained(url)
  /** Runs a statement as the tenant; its plans. */
  const explain = async (text: string, values: readonly unknown[]): Promise<PlanNode[]> => {
    await client.query('begin')
    await client.query('select platform.enter($1)', [TENANT])
    plans.length = 0
    await client.query(text, [...values])
    const found = [...plans]
    await client.query('commit')
    return found
  }
  return { client, explain }
}

/** Holds no scan from end to end and no spill to disk; the rows read of large tables. */
function rowsRead(plans: readonly PlanNode[]): number {
  expect(plans.length, 'auto_explain reported the nested plans').toBeGreaterThan(0)
  let rows = 0
  for (const node of plans.flatMap(nodesOf)) {
    const relation = node['Relation Name'] ?? ''
    if (LARGE.test(relation)) expect(node['Node Type'], `on ${relation}`).not.toBe('Seq Scan')
    expect(node['Sort Space Type']).not.toBe('Disk')
    expect(node['Temp Written Blocks'] ?? 0).toBe(0)
    if (LARGE.test(relation)) {
      const read = rowsLookedAt(node)
      rows += read
    }
  }
  return rows
}

async function openPlanned() {
  const database = await createTestDatabase()
  const fleet = await openFleet(database.options)
  afterFile(() => fleet.close())
  await fleet.tenants.create({ id: TENANT })
  const url = database.adminUrl()
  return { fleet, url, ...(await openSession(url)) }
}

/** Values of every default agent type: 4 actions in each of so many states. */
const FILL_VALUES = `
  insert into learning.q_values (tenant_id, state_hash, agent_type, action_hash, q, visits, td_error, learning_rate, created_at, updated_at, expires_at, state, action)
  select '${TENANT}', s.hash, t.agent_type, a.hash, random(), 1, 0, 0.1, now(), now(), now() + interval '30 days', s.state, a.action
  from (select to_jsonb('state ' || n) as state, learning.content_hash(to_jsonb('state ' || n)) as hash from generate_series(1, $1::integer) n) s
  cross join (select to_jsonb('action ' || n) as action, learning.content_hash(to_jsonb('action ' || n)) as hash from generate_series(1, ${ACTIONS}) n) a
  cross join (select agent_type from learning.agent_types where tenant_id = '${TENANT}') t`
const FILL_PATTERNS = `
  insert into learning.patterns (tenant_id, pattern_id, agent_type, pattern_name, pattern_type, pattern_data, expires_at, usage_count, total_reward)
  select '${TENANT}', gen_random_uuid(), 'test-generator', 'pattern ' || md5(n::text), 't', '{}', now() + interval '30 days', 10, n % 100
  from generate_series(1, $1::integer) n`

const state = (n: number) => ({ agent_type: 'test-generator', state_hash: contentHash(`state ${n}`) })
const many = <T>(make: (n: number) => T) => JSON.stringify(Array.from({ length: 100 }, (_, i) => make(i * 17 + 1)))
const experiences = many((n) => ({
  ...state(n),
  state: `state ${n}`,
  action_hash: contentHash('action 1'),
  action: 'action 1',
  reward: 1,
  next_state_hash: contentHash(`state ${n + 1}`),
  next_action_hash: contentHash('action 2'),
  algorithm: ['q-learning', 'sarsa', 'expected-sarsa', 'double-q'][n % 4],
  ...(n % 3 === 0 ? { id: uuidv7() } : {}),
}))

/** A statement, its values behind the tenant, and most rows that it has to read. */
const CALLS: [string, string, () => unknown[], number][] = [
  // Its own row (twice or three times), the four actions of the next state (twice for double-q).
  ['learn', 'select * from learning.learn($1, $2)', () => [TENANT, experiences], 100 * 16],
  ['best', 'select * from learning.best($1, $2)', () => [TENANT, many(state)], 100 * ACTIONS],
  ['values', 'select * from learning.values_of($1, $2)', () => [TENANT, many(state)], 100 * ACTIONS],
  ['choose', 'select * from learning.choose($1, $2)', () => [TENANT, many(state)], 100 * ACTIONS * 2 * AGENT_TYPES],
  [
    'choose by the fleet',
    'select * from learning.choose($1, $2)',
    () => [TENANT, many((n) => ({ ...state(n), agent_type: 'newcomer' }))],
    100 * ACTIONS * 2 * AGENT_TYPES,
  ],
  [
    'search',
    'select * from learning.search_patterns($1, $2)',
    () => [TENANT, JSON.stringify([{ name: 'pattern c4ca4238a0b9' }])],
    20_000,
  ],
]

const textOf = (name: string) => {
  const found = LEARNING_STATEMENTS.find((statement) => statement.name === name)
  if (found === undefined) throw new Error(`there is no statement ${name}`)
  return found.text
}

onEngines(['direct'], 'auto_explain needs a session of its own').describe('plans', () => {
  test('with 144,000 values no call reads a table from end to end', async () => {
    const { fleet, client, explain } = await openPlanned()
    await client.query(FILL_VALUES, [2000])
    await client.query(FILL_PATTERNS, [20_000])
    await client.query('vacuum analyze learning.q_values, learning.patterns')
    const [held] = (await client.query<{ n: number }>('select count(*)::integer as n from learning.q_values')).rows
    expect(held?.n).toBe(144_000)
    const { learning } = fleet.tenant(TENANT)
    await learning.agentTypes.upsert({ agentType: 'newcomer' })
    for (const [name, text, values, most] of CALLS) {
      const rows = rowsRead(await explain(text, values()))
      expect(rows, `${name} reads`).toBeGreaterThan(0)
      expect(rows, `${name} reads`).toBeLessThanOrEqual(most)
    }
    const looked = (await explain(textOf('learning.best'), [TENANT, many(state)])).flatMap(nodesOf)
    expect(looked.filter((node) => comparesEachTime(node, LARGE))).toEqual([])
    rowsRead(await explain(textOf('learning.top_patterns'), ['test-generator', 0, 0, null, 20]))
  })

  test('planned on empty tables, and never analyzed, no call reads a table from end to end', async () => {
    const { fleet, url, client, explain } = await openPlanned()
    await fleet.tenant(TENANT).learning.agentTypes.upsert({ agentType: 'newcomer' })
    for (const table of ['q_values', ...Array.from({ length: 20 }, (_, i) => `patterns_h${i}`)]) {
      await client.query(`alter table learning.${table} set (autovacuum_enabled = off)`)
    }
    // Six times each: by then a plan is generic, and is kept by the session while the tables grow.
    for (const [, text, values] of CALLS) for (let i = 0; i < 6; i++) await explain(text, values())
    await client.query('delete from learning.q_values')
    await client.query(FILL_VALUES, [700])
    await client.query(FILL_PATTERNS, [20_000])
    for (const [name, text, values, most] of CALLS) {
      expect(rowsRead(await explain(text, values())), `${name} reads`).toBeLessThanOrEqual(most)
    }
    const fresh = await openSession(url)
    for (const [name, text, values, most] of CALLS) {
      expect(rowsRead(await fresh.explain(text, values())), `${name} reads, planned afresh`).toBeLessThanOrEqual(most)
    }
  })

  test('sampling and recording trajectories read their partitions by key', async () => {
    const { fleet, client, explain } = await openPlanned()
    const { learning } = fleet.tenant(TENANT)
    const trajectory = () => ({
      id: uuidv7(),
      agentType: 'test-generator',
      initialState: 's',
      rewards: [1, 2, 3],
      executionMs: 1,
      succeeded: true,
      startedAt: new Date(),
      completedAt: new Date(),
    })
    for (let i = 0; i < 40; i++) await learning.recordTrajectories(Array.from({ length: 500 }, trajectory))
    await client.query('analyze learning.trajectories, learning.rewards')
    // The buffer once, the 32 that were drawn with 3 rewards each.
    const sample = await explain(textOf('learning.sample_trajectories'), ['test-generator', 32, 1000, 0.6, 0.4, 7])
    expect(rowsRead(sample)).toBeLessThanOrEqual(1000 + 32 * 4)
    const given = JSON.stringify([
      {
        id: uuidv7(),
        agent_type: 'test-generator',
        initial_state: 1,
        execution_ms: 1,
        succeeded: true,
        started_at: new Date(),
        completed_at: new Date(),
        rewards: [1],
      },
    ])
    expect(
      rowsRead(await explain('select * from learning.record_trajectories($1, $2)', [TENANT, given])),
    ).toBeLessThanOrEqual(10)
  })

  test('recording planned on an empty partition reads no more when that has grown', async () => {
    const { client, explain } = await openPlanned()
    const record = async (count: number) => {
      const trajectories = Array.from({ length: count }, () => ({
        ...{ id: uuidv7(), agent_type: 'test-generator', initial_state: 1, execution_ms: 1, succeeded: true },
        ...{ started_at: new Date(), completed_at: new Date(), rewards: [1] },
      }))
      const plans = await explain('select * from learning.record_trajectories($1, $2)', [
        TENANT,
        JSON.stringify(trajectories),
      ])
      return plans
        .flatMap(nodesOf)
        .filter((node) => /^trajectories/.test(node['Relation Name'] ?? '') && node['Node Type'] !== 'ModifyTable')
        .reduce((sum, node) => sum + (node['Shared Hit Blocks'] ?? 0) + (node['Shared Read Blocks'] ?? 0), 0)
    }
    for (let i = 0; i < 7; i++) await record(1)
    for (const { name } of (
      await client.query<{ name: string }>(
        `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'learning.trajectories'::regclass`,
      )
    ).rows) {
      await client.query(`alter table ${name} set (autovacuum_enabled = off)`)
    }
    for (let i = 0; i < 10; i++) await record(1000)
    // What writing the nine rows takes is among it; reading the tenant's ids would be ten times as much.
    expect(await record(9)).toBeLessThanOrEqual(150)
  })

  test('the counters of the server agree: no large table is read from end to end', async () => {
    // One connection, which can be told to report its counters at once.
    const fleet = await openTestFleet({ poolMax: 1 })
    await fleet.tenants.create({ id: TENANT })
    const counters = async () => {
      await sql(fleet, 'select pg_stat_force_next_flush()')
      return await sql<{ name: string; scans: number; lookups: number }>(
        fleet,
        `select relname as name, seq_scan::integer as scans, idx_scan::integer as lookups
        from pg_stat_user_tables where schemaname = 'learning' order by relname`,
      )
    }
    const { learning } = fleet.tenant(TENANT)
    const agentType = 'test-generator'
    const keys = Array.from({ length: 500 }, (_, n) => ({
      agentType,
      state: `s${n}`,
      action: 'a',
      reward: 1,
      nextState: `s${n + 1}`,
    }))
    await learning.learn(keys)
    // With ids, so that their partition is there: making one reads it once, empty.
    await learning.learn(keys.map((key) => ({ ...key, id: uuidv7() })))
    const patternId = await learning.patterns.remember({ agentType, name: 'n', type: 't', data: 1 })
    const before = await counters()
    await learning.learn([...keys, ...keys])
    await learning.learn(keys.map((key) => ({ ...key, id: uuidv7() })))
    const lookups = keys.map(({ state }) => ({ agentType, state }))
    await learning.best(lookups)
    await learning.values(lookups)
    await learning.choose(lookups)
    await learning.patterns.search({ name: 'n' })
    await learning.patterns.recordOutcomes([{ patternId }])
    await learning.agents.report({ agentType, instanceId: 'i' })
    const after = await counters()
    for (const { name, scans, lookups: reads } of after.filter(({ name }) => LARGE.test(name))) {
      const was = before.find((one) => one.name === name)
      expect({ name, scans }).toEqual({ name, scans: was?.scans ?? 0 })
      if (name === 'q_values') expect(reads).toBeGreaterThan((was?.lookups ?? 0) + 500)
    }
  })
})
