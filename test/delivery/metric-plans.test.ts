import { openFleet } from 'pgfleet'
import { v7 as uuidv7 } from 'uuid'
import { expect, test } from 'vitest'
import { afterFile, createTestDatabase, onEngines } from '../setup/index.js'
import { nodesOf, openExplained, rowsLookedAt } from '../setup/plans.js'
import { settled } from './settled.js'

const TENANT = 'planned'
const POINTS = 20_000
const LARGE =
  /^(metrics|audit_log|agent_interactions)_p\d{6}$|^(metric_series|metric_rollups|audit_seals|agent_sessions|workflow_details)$/

onEngines(['direct'], 'auto_explain needs a session of its own').describe(
  'plans of metrics and of the audit log',
  () => {
    test.each(['never analyzed', 'analyzed'])(
      'read what is wanted along an index: %s',
      { timeout: 60_000 },
      async (when) => {
        const database = await createTestDatabase()
        const fleet = await openFleet(database.options)
        afterFile(() => fleet.close())
        for (const id of [TENANT, 'neighbour']) await fleet.tenants.create({ id })
        let interactions: { id: string }[] = []
        let sessions: { id: string }[] = []
        let workflows: { id: string }[] = []
        const now = Date.now()
        const point = (n: number) => ({
          name: `m${n % 20}`,
          numericValue: n,
          dimensions: { host: n % 3 },
          measuredAt: new Date(now - n * 1000),
        })
        for (const id of ['neighbour', TENANT]) {
          const { metrics, audit } = fleet.tenant(id).delivery
          for (let first = 0; first < POINTS; first += 5000)
            await metrics.record(Array.from({ length: 5000 }, (_, i) => point(first + i)))
          for (let first = 0; first < 10_000; first += 2000)
            await fleet
              .tenant(id)
              .as({ correlationId: `run-${first}` })
              .delivery.audit.record(
                Array.from({ length: 2000 }, (_, i) => ({
                  entityType: 'gate',
                  entityId: `g${first + i}`,
                  action: 'read' as const,
                })),
              )
          const { agentSessions } = fleet.tenant(id).delivery
          for (let first = 0; first < 10_000; first += 2000)
            sessions = await agentSessions.create(
              Array.from({ length: 2000 }, () => ({ agentName: 'one', agentType: 'tester' as const })),
            )
          // Of each row of the log the first is found by one index, the others by another.
          for (const status of ['idle', 'active'] as const)
            await agentSessions.update(sessions.map(({ id }) => ({ id, status })))
          for (let first = 0; first < 10_000; first += 2000)
            workflows = await fleet
              .tenant(id)
              .delivery.workflows.create(Array.from({ length: 2000 }, () => ({ name: 'one', tasks: [] })))
          const sessionId = sessions[0]?.id as string
          for (let first = 0; first < 10_000; first += 2000)
            interactions = await agentSessions.record(
              Array.from({ length: 2000 }, () => ({ sessionId, type: 'chat' as const })),
            )
          await settled(fleet, id, 'metrics')
          await metrics.rollUp()
          await settled(fleet, id, 'audit')
          while ((await audit.seal()).more);
        }
        const { client, plans } = await openExplained(database.adminUrl())
        if (when === 'analyzed') await client.query('vacuum analyze')
        const batch = (count: number) =>
          JSON.stringify(
            Array.from({ length: count }, (_, n) => ({
              id: uuidv7(),
              name: `m${n % 25}`,
              category: 'performance',
              type: 'gauge',
              number: n,
              dimensions: { host: n % 4 },
            })),
          )
        const find = (query: object) => JSON.stringify({ limit: 50, scan: 1000, ...query })
        /** A statement, its argument, and how many rows of the large tables it may read. */
        const calls: [string, string, number][] = [
          ['delivery.record_metrics', batch(1), 10],
          ['delivery.record_metrics', batch(2000), 2500],
          ['delivery.find_metrics', find({ name: 'm1', dimensions: { host: 1 } }), 300],
          ['delivery.find_metrics', find({ name: 'm1', descending: true }), 500],
          ['delivery.find_metrics', find({ from: new Date(now - 60_000) }), 200],
          ['delivery.find_audit_entries', find({ entity_type: 'gate', entity_id: 'g77' }), 10],
          ['delivery.find_audit_entries', find({ entity_type: 'interaction', entity_id: interactions[7]?.id }), 10],
          ['delivery.find_audit_entries', find({ entity_type: 'interaction' }), 200],
          ['delivery.find_audit_entries', find({ entity_type: 'agent_session', entity_id: sessions[7]?.id }), 10],
          ['delivery.find_audit_entries', find({ entity_type: 'agent_session', entity_id: sessions[30]?.id }), 20],
          ['delivery.find_audit_entries', find({ entity_type: 'agent_session', entity_id: sessions[31]?.id }), 20],
          ['delivery.find_audit_entries', find({ entity_type: 'agent_session' }), 200],
          ['delivery.find_audit_entries', find({ entity_type: 'workflow', entity_id: workflows[7]?.id }), 10],
          ['delivery.find_audit_entries', find({ entity_type: 'workflow' }), 200],
          ['delivery.find_audit_entries', find({ correlation_id: 'run-2000' }), 1000],
          ['delivery.find_audit_entries', find({ ascending: true }), 200],
          ['delivery.calculate_aggregated_metrics', '100', 2000],
          ['delivery.seal_audit', '100', 2000],
        ]
        for (const [name, argument, most] of calls) {
          await client.query('begin')
          plans.length = 0
          await client.query(`select * from ${name}($1, $2)`, [TENANT, argument])
          const nodes = plans.flatMap(nodesOf)
          await client.query('rollback')
          const large = nodes.filter((node) => LARGE.test(node['Relation Name'] ?? ''))
          expect(nodes.length, name).toBeGreaterThan(0)
          for (const node of large) expect(node['Node Type'], name).not.toMatch(/Seq Scan/)
          for (const node of nodes) expect(node['Sort Space Type'] ?? 'Memory', name).toBe('Memory')
          const read = large
            .filter((node) => /Scan/.test(node['Node Type']))
            .reduce((sum, node) => sum + rowsLookedAt(node), 0)
          expect(
            read,
            `${name} of ${argument.slice(0, 60)} reads ${JSON.stringify(large.map((node) => ({ ...node, Plans: undefined })))}`,
          ).toBeLessThanOrEqual(most)
        }
      },
    )
  },
)
