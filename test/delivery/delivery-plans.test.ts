import { openFleet } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'
import { expect } from 'vitest'
import { afterFile, createTestDatabase, onEngines, sql } from '../setup/index.js'
import { nodesOf, openExplained, rowsLookedAt } from '../setup/plans.js'

const ROWS = 20_000
const LARGE =
  /^(agent_sessions|agent_session_durations|agent_interactions\w*|pull_requests|pull_request_reviews|pipeline_\w+|checks|deployments|branches|webhook_deliveries)$/

const FILL = [
  `insert into delivery.agent_sessions (tenant_id, session_id, agent_name, agent_type, content_hash, workflow_id)
  select 'planned', md5(n::text)::uuid, 'agent-' || n % 100, 'tester', md5('c')::uuid, md5((n % 1000)::text)::uuid from generate_series(1, ${ROWS}) n`,
  `insert into delivery.agent_session_durations (tenant_id, session_id, bucket, duration_count)
  select 'planned', md5(n::text)::uuid, 1, 1 from generate_series(1, ${ROWS}) n`,
  `insert into delivery.agent_interactions (tenant_id, interaction_id, session_id, sequence, interaction_type, status)
  select 'planned', overlay(md5(n::text)::uuid::text placing left(platform.uuid_floor(now())::text, 15) from 1)::uuid, md5((n % 1000)::text)::uuid, n, 'chat', 'completed'
  from generate_series(1, ${ROWS}) n`,
  `insert into delivery.pull_requests (tenant_id, pull_request_id, repository, number, title, head_sha, labels, author)
  select 'planned', md5(n::text)::uuid, 'acme/r' || n % 2, n, 'word' || n, 'sha' || n, jsonb_build_array('l' || n), 'dev-' || n % 500 from generate_series(1, ${ROWS}) n`,
  `insert into delivery.pull_request_reviews (tenant_id, repository, number, review_id, reviewer, state, submitted_at, seen)
  select 'planned', 'acme/r' || n % 2, n, n, 'a', 'approved', now(), '0' from generate_series(1, ${ROWS}) n`,
  `insert into delivery.checks (tenant_id, repository, check_kind, check_id, name, head_sha, status, seen)
  select 'planned', 'acme/r' || n % 2, 'run', n, 'a', 'sha' || n, 'queued', '0' from generate_series(1, ${ROWS}) n`,
  `insert into delivery.pipeline_runs (tenant_id, repository, run_id, head_sha, attempt, status, seen)
  select 'planned', 'acme/r' || n % 2, n, 'sha' || n, 1, 'queued', '0' from generate_series(1, ${ROWS}) n`,
  `insert into delivery.pipeline_jobs (tenant_id, repository, job_id, run_id, name, attempt, status, seen)
  select 'planned', 'acme/r' || n % 2, n, n, 'a', 1, 'queued', '0' from generate_series(1, ${ROWS}) n`,
  `insert into delivery.deployments (tenant_id, repository, deployment_id, environment, sha, seen)
  select 'planned', 'acme/r' || n % 2, n, 'e', 's', '0' from generate_series(1, ${ROWS}) n`,
  `insert into delivery.branches (tenant_id, repository, ref, commits, is_forced, is_deleted, seen)
  select 'planned', 'acme/r' || n % 2, 'ref' || n, 1, false, false, '0' from generate_series(1, ${ROWS}) n`,
  `insert into delivery.webhook_deliveries (tenant_id, delivery_id, event)
  select 'planned', 'd' || n, 'push' from generate_series(1, ${ROWS}) n`,
]

onEngines(['direct'], 'needs auto_explain in a session of its own')(
  'hot statements read what they are asked for, not the tenant',
  async () => {
    const database = await createTestDatabase()
    // One session, whose counts are flushed when it is asked to.
    const fleet = await openFleet({ ...database.options, poolMax: 1 })
    afterFile(() => fleet.close())
    await fleet.tenants.create({ id: 'planned' })
    const { client, plans } = await openExplained(database.adminUrl())
    const numbers = Array.from({ length: 20 }, (_, i) => i * 31 + 1)
    const named = (extra: (n: number) => object) => async () => {
      const { rows } = await client.query<{ id: string; n: number }>(
        'select md5(n::text)::uuid as id, n from unnest($1::integer[]) n',
        [numbers],
      )
      return JSON.stringify(rows.map(({ id, n }) => ({ id, ...extra(n) })))
    }
    const each = (item: (n: number, i: number) => object) => async () => JSON.stringify(numbers.map(item))
    const pullRequest = (n: number) => ({ repository: `acme/r${n % 2}`, number: n })
    const session = {
      agent_name: 'a',
      agent_type: 'tester',
      content_hash: uuidv7(),
      data: {},
      context: {},
      metadata: {},
    }
    const fields = {
      title: 't',
      status: 'open',
      head_sha: 'x',
      opened_at: new Date(),
      base_branch: 'main',
      assignees: [],
      reviewers: [],
      labels: [],
    }
    const observed = (n: number) => {
      const { repository } = pullRequest(n)
      const seen = '1'
      return {
        delivery_id: uuidv7(),
        event: 'e',
        repository,
        facts: [
          {
            kind: 'pull_request',
            repository,
            number: n,
            id: uuidv7(),
            seen,
            fields: { ...fields, head_sha: `sha${n}` },
          },
          {
            kind: 'review',
            repository,
            number: n,
            review_id: n,
            reviewer: 'a',
            state: 'approved',
            submitted_at: new Date(),
            seen,
          },
          {
            kind: 'check',
            repository,
            check_kind: 'run',
            check_id: n,
            name: 'a',
            head_sha: `sha${n}`,
            status: 'completed',
            seen,
          },
          { kind: 'run', repository, run_id: n, head_sha: `sha${n}`, attempt: 1, status: 'completed', seen },
          { kind: 'job', repository, job_id: n, name: 'a', attempt: 1, status: 'completed', labels: [], seen },
          { kind: 'deployment', repository, deployment_id: n, environment: 'e', sha: 's', seen },
          { kind: 'deployment_status', repository, deployment_id: n, status: 'success', status_id: 1 },
          { kind: 'push', repository, ref: `ref${n}`, commits: 1, is_forced: false, is_deleted: false, seen },
        ],
      }
    }
    const interaction = { type: 'chat', status: 'completed', tokens: 1, cost: 1, duration_us: 1, request: {} }
    const calls: [string, () => Promise<string>][] = [
      ['get_agent_sessions', named(() => ({}))],
      ['create_agent_sessions', each(() => ({ ...session, id: uuidv7() }))],
      ['change_agent_sessions', named((n) => ({ data: { n } }))],
      [
        'record_interactions',
        async () =>
          JSON.stringify(
            (JSON.parse(await named(() => ({}))()) as { id: string }[]).map(({ id }) => ({
              ...interaction,
              id: uuidv7(),
              session_id: id,
            })),
          ),
      ],
      ['get_pull_requests', named(() => ({}))],
      ['get_pull_requests', each(pullRequest)],
      [
        'put_pull_requests',
        each((n, i) => ({ ...pullRequest(n + (i % 2) * 100_000), id: uuidv7(), fields: { title: `t${i}` } })),
      ],
      ['ingest_webhooks', each(observed)],
      ['record_pipeline_jobs', each((n) => ({ ...observed(n).facts[4], seen: '2' }))],
    ]
    const run = async (name: string, items: string) => {
      await client.query('begin')
      await client.query(`select * from delivery.${name}('planned', $1)`, [items])
    }
    await sql(fleet, `select platform.ensure_partition('delivery', 'agent_interactions', platform.uuid_floor(now()))`)
    const judge = (name: string) => {
      const seen = plans.flatMap(nodesOf)
      expect(seen.length, name).toBeGreaterThan(0)
      for (const node of seen) {
        const read = rowsLookedAt(node)
        const what = `${name}: ${JSON.stringify(node)}`
        if (LARGE.test(node['Relation Name'] ?? '')) expect(read, what).toBeLessThan(1000)
        expect(node['Rows Removed by Join Filter'] ?? 0, what).toBeLessThan(1000)
        expect(node['Sort Space Type'] ?? 'Memory', what).toBe('Memory')
      }
    }
    const judgeAll = async (what: typeof calls) => {
      for (const [name, items] of what) {
        const given = await items()
        plans.length = 0
        await run(name, given)
        await client.query('rollback')
        judge(name)
      }
    }
    // Planned while the tables are empty, and not anew when they have grown.
    const early = calls.filter(([name]) => name === 'put_pull_requests')
    for (const [name] of early) {
      await run(name, '[]')
      await client.query('rollback')
    }
    for (const text of FILL) await sql(fleet, text)
    await judgeAll(early)
    // What autovacuum does within a minute; until then plans made for empty tables may read more.
    for (const table of (
      await sql<{ name: string }>(
        fleet,
        `select oid::regclass::text as name from pg_class where relnamespace = 'delivery'::regnamespace and relkind in ('r', 'p')`,
      )
    ).map(({ name }) => name))
      await sql(fleet, `analyze ${table}`)
    await judgeAll(calls)
    // Found by an index each, though the conditions are not leakproof.
    for (const filter of [{ query: 'word77' }, { labels: ['l77'] }, { query: 'word77', labels: ['l77'] }]) {
      await client.query('begin')
      await client.query(`select platform.enter('planned')`)
      plans.length = 0
      const { rows } = await client.query('select * from delivery.find_pull_requests($1)', [
        JSON.stringify({ ...filter, max: 10 }),
      ])
      await client.query('rollback')
      expect(rows).toHaveLength(1)
      judge(JSON.stringify(filter))
    }
    // Pages of what webhooks told are read along an index, whichever filter comes first, also far behind the newest.
    const { checks, pipelineRuns, pipeline, deployments, branches } = fleet.tenant('planned').delivery
    const lists: [string, () => Promise<unknown>][] = [
      ['checks', () => checks.list({ limit: 10, after: { repository: 'acme/r1', checkId: 77 } })],
      ['checks', () => checks.list({ repository: 'acme/r1', limit: 10 })],
      ['checks', () => checks.list({ headSha: 'sha77' })],
      ['checks', () => checks.list({ pullRequest: { repository: 'acme/r1', number: 77 } })],
      ['pipeline_runs', () => pipelineRuns.list({ limit: 10, after: { repository: 'acme/r1', runId: 77 } })],
      ['pipeline_runs', () => pipelineRuns.list({ repository: 'acme/r1', limit: 10 })],
      ['pipeline_runs', () => pipelineRuns.list({ headSha: 'sha77' })],
      ['pipeline_runs', () => pipelineRuns.list({ from: new Date(0), to: new Date(1) })],
      ['pipeline_jobs', () => pipeline.jobs('acme/r1', { limit: 10, after: 77 })],
      ['pipeline_jobs', () => pipeline.jobs('acme/r1', { runId: 77 })],
      ['deployments', () => deployments.list({ limit: 10, after: { repository: 'acme/r1', deploymentId: 77 } })],
      ['deployments', () => deployments.list({ environment: 'none' })],
      ['branches', () => branches.list({ repository: 'acme/r1', limit: 10 })],
      ['checks', () => checks.get(numbers.map((n) => ({ repository: `acme/r${n % 2}`, checkId: n })))],
    ]
    const readOf = async (table: string) =>
      (
        await sql<{ read: number }>(
          fleet,
          `select (seq_tup_read + coalesce((select sum(i.idx_tup_read) from pg_stat_user_indexes i where i.relid = t.relid), 0))::integer as read
          from pg_stat_user_tables t where schemaname = 'delivery' and relname = $1`,
          [table],
        )
      )[0]?.read as number
    for (const [table, list] of lists) {
      // Beyond five calls a plan may be generic.
      for (let i = 0; i < 6; i++) await list()
      await sql(fleet, 'select pg_stat_force_next_flush()')
      const before = await readOf(table)
      await list()
      await sql(fleet, 'select pg_stat_force_next_flush()')
      expect((await readOf(table)) - before, `${table}: ${list}`).toBeLessThan(1000)
    }
    // Recording an interaction changes no indexed column.
    const hot = async () =>
      (
        await sql<{ updated: number; hot: number }>(
          fleet,
          `select pg_stat_force_next_flush(), pg_stat_get_tuples_updated('delivery.agent_sessions'::regclass)::integer as updated,
            pg_stat_get_tuples_hot_updated('delivery.agent_sessions'::regclass)::integer as hot`,
        )
      )[0] as { updated: number; hot: number }
    await sql(fleet, 'vacuum full delivery.agent_sessions')
    // What was rolled back counts as updated, too.
    await client.query('select pg_stat_force_next_flush()')
    const before = await hot()
    const given = JSON.parse(await named(() => ({}))()) as { id: string }[]
    await client.query(`select * from delivery.record_interactions('planned', $1)`, [
      JSON.stringify(given.map(({ id }) => ({ ...interaction, id: uuidv7(), session_id: id }))),
    ])
    await client.query('select pg_stat_force_next_flush()')
    const after = await hot()
    expect(after.updated - before.updated).toBe(20)
    expect(after.hot - before.hot).toBe(20)
  },
)

onEngines(['direct'], 'counts buffers of a server')(
  'interactions planned on empty tables that nobody has counted are found by their key',
  async () => {
    const database = await createTestDatabase()
    const fleet = await openFleet({ ...database.options, poolMax: 1 })
    afterFile(() => fleet.close())
    await fleet.tenants.create({ id: 'fresh' })
    const { agentSessions } = fleet.tenant('fresh').delivery
    const sessions = await agentSessions.create(
      Array.from({ length: 500 }, (_, i) => ({ agentName: `a${i}`, agentType: 'tester' as const })),
    )
    // By the sixth call a plan is generic, and is kept by the one session while the tables grow.
    for (let i = 0; i < 8; i++) await agentSessions.record({ sessionId: sessions[0]?.id as string, type: 'chat' })
    for (const table of ['agent_interactions_p', 'agent_sessions', 'agent_session_durations']) {
      for (const { name } of await sql<{ name: string }>(
        fleet,
        `select c.oid::regclass::text as name from pg_class c
        where c.relnamespace = 'delivery'::regnamespace and c.relkind = 'r' and starts_with(c.relname, $1)`,
        [table],
      ))
        await sql(fleet, `alter table ${name} set (autovacuum_enabled = off)`)
    }
    const batch = () =>
      sessions.map(({ id }) => ({
        id: uuidv7(),
        session_id: id,
        type: 'chat',
        status: 'completed',
        tokens: 1,
        cost: 0,
        duration_us: 5,
        request: {},
        response: {},
      }))
    const hits: number[] = []
    const most = 500 * 60
    // Versions of rows that a transaction elsewhere on the server may still see are read too, until it has ended: what comes
    // later is counted then. Reading more with all that is recorded would only grow.
    for (let round = 0; round < 8 || (round < 40 && (hits.at(-1) ?? 0) >= most); round++) {
      if (round >= 8) await new Promise((resolve) => setTimeout(resolve, 200))
      const [row] = await sql<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
        fleet,
        'explain (analyze, buffers, format json) select * from delivery.record_interactions($1, $2)',
        ['fresh', JSON.stringify(batch())],
      )
      hits.push(row?.['QUERY PLAN'][0].Plan['Shared Hit Blocks'] as number)
    }
    // A batch reads what it is about, however much was recorded before: twenty rows of indexes and tables an interaction.
    expect(hits.at(-1)).toBeGreaterThan(1000)
    expect(hits.at(-1)).toBeLessThan(most)
  },
)
