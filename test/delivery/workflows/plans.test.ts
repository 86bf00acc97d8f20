import { randomUUID } from 'node:crypto'
import { openFleet } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'
import { expect } from 'vitest'
import { afterFile, createTestDatabase, onEngines } from '../../setup/index.js'
import { nodesOf, openExplained, rowsLookedAt } from '../../setup/plans.js'
import { graph } from './support.js'

const WORKFLOWS = 200
const TASKS = 100
const LARGE = /^(workflows|workflow_details|workflow_tasks|jobs|workflow_history\w*|audit_log\w*)$/

onEngines(['direct'], 'needs auto_explain in a session of its own')(
  'hot statements read what they are asked for, not the queue',
  async () => {
    const database = await createTestDatabase()
    const fleet = await openFleet(database.options)
    afterFile(() => fleet.close())
    await fleet.tenants.create({ id: 'planned' })
    const { workflows, jobs } = fleet.tenant('planned').delivery
    const { client, plans } = await openExplained(database.adminUrl())
    const run = async (name: string, items: unknown) => {
      await client.query('begin')
      return (await client.query(`select * from delivery.${name}('planned', $1)`, [JSON.stringify(items)])).rows
    }
    const ask = { channels: ['job'], limit: 20, lease: randomUUID(), lease_ms: 1000, worker: 'w' }
    // Plans are made while the tables are empty, and kept: nothing analyzes them in the minute that autovacuum takes to come by.
    for (const [name, items] of [
      ['claim_jobs_packed', [ask]],
      ['end_jobs', []],
      ['extend_leases', []],
      ['get_workflows', []],
      ['transition_workflows', []],
    ] as const) {
      await run(name, items).catch(() => {})
      await client.query('rollback')
    }
    const edges = Object.fromEntries(
      Array.from({ length: TASKS }, (_, n) => [`t${n}`, n % 10 === 9 ? [`t${n - 1}`] : []]),
    )
    for (let i = 0; i < WORKFLOWS; i += 50) {
      await workflows.create(Array.from({ length: 50 }, () => ({ name: 'w', start: true, tasks: graph(edges) })))
    }
    const held = await jobs.claim('w', { types: ['job'], limit: 40 })
    const lease = (job: (typeof held)[number]) => ({
      workflow_id: job.workflowId,
      task_number: job.number,
      lease: job.lease,
    })
    const ids = (await workflows.list({ limit: 20 })).map(({ id }) => ({ id }))
    const calls: [string, unknown][] = [
      ['claim_jobs_packed', [ask]],
      ['extend_leases', held.map((job) => ({ ...lease(job), lease_ms: 1000 }))],
      ['end_jobs', held.slice(0, 20).map((job) => ({ ...lease(job), outcome: 'completed', result: null }))],
      ['end_jobs', held.slice(20).map((job) => ({ ...lease(job), outcome: 'failed', error: 'x', retry: true }))],
      ['end_jobs', held.slice(20, 21).map((job) => ({ ...lease(job), outcome: 'failed', error: 'x', retry: false }))],
      ['get_workflows', ids.slice(0, 5)],
      ['transition_workflows', ids.slice(0, 10).map(({ id }) => ({ id, verb: 'pause' }))],
      [
        'create_workflows',
        [
          {
            id: uuidv7(),
            content_hash: randomUUID(),
            name: 'n',
            type: 't',
            environment: 'e',
            priority: 1,
            tags: [],
            metadata: {},
            configuration: {},
            start: true,
            tasks: [
              {
                n: 1,
                name: 'a',
                type: 'job',
                optional: false,
                critical: true,
                max_retries: 0,
                retry_delay_ms: 0,
                delay_ms: 0,
              },
            ],
          },
        ],
      ],
    ]
    for (const [name, items] of calls) {
      plans.length = 0
      await run(name, items)
      const seen = plans.flatMap(nodesOf)
      await client.query('rollback')
      expect(seen.length, name).toBeGreaterThan(0)
      for (const node of seen) {
        const read = rowsLookedAt(node)
        if (LARGE.test(node['Relation Name'] ?? '')) expect(read, `${name}: ${JSON.stringify(node)}`).toBeLessThan(1100)
        expect(node['Rows Removed by Join Filter'] ?? 0, `${name}: ${JSON.stringify(node)}`).toBeLessThan(1000)
        expect(node['Sort Space Type'] ?? 'Memory', `${name} spills`).toBe('Memory')
      }
    }
  },
)
