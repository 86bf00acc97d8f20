import type { Fleet, Tenant } from '../../fleet.js'
import { loadContestant } from '../contestant.js'
import { pgbenchContestant } from '../pgbench.js'
import type { Scenario } from '../scenario.js'
import { any } from './learning-data.js'
import { entityId, fillGraph, VERSIONS } from './memory-graph-data.js'
import type { BenchSubject } from './subject.js'

const TENANT = 'bench'
const RIVAL = 'bench-rival'
const SOURCE = 'tuning guide of the agent memory'

interface State {
  readonly fleet: Fleet
  readonly tenant: Tenant
}

/** The rows that asserting a new entity writes, as one statement. */
const INSERT = `with head as (
  insert into memory.entities (tenant_id, entity_id, changed_at) values ('${RIVAL}', gen_random_uuid(), clock_timestamp()) returning entity_id
)
insert into memory.entity_versions (tenant_id, entity_id, recorded_at, entity_type, entity_name, properties, valid_from)
select '${RIVAL}', entity_id, clock_timestamp(), 'service', 'service ' || entity_id, '{"team": "red", "tier": 1}', '2025-01-01' from head;
`

/** The statement of memory.get_entities, for one entity. */
const LOOKUP = `\\set entity random(0, :entities - 1)
\\set day random(0, 3650)
select v.entity_id, v.entity_type, v.entity_name, v.properties, v.valid_from, v.valid_to, v.recorded_at
from memory.entity_versions v
where v.tenant_id = '${TENANT}' and v.entity_id = md5((:entity)::text)::uuid and v.superseded_at >= 'infinity'
  and v.valid_from <= timestamptz '2015-01-01' + :day * interval '1 day' and v.valid_to > timestamptz '2015-01-01' + :day * interval '1 day'
limit 1;
`

/** The rival's url: the application role and the tenant set for the session. */
function urlAs(url: string | null, tenant: string): string | null {
  if (url === null) return null
  const parsed = new URL(url)
  parsed.searchParams.set('options', `-c pgfleet.tenant=${tenant} -c role=pgfleet_app`)
  return parsed.href.replace(/\+/g, '%20')
}

const most = (id: string, what: string, of: 'p50' | 'p95', contestant: string, value: number) => ({
  id,
  what,
  source: SOURCE,
  metric: { kind: 'median' as const, of, contestant },
  op: '<=' as const,
  value,
})

/** A day of the ten years over which the versions are spread. */
const anyDay = () => new Date(Date.UTC(2015, 0, 1) + any(3650) * 86_400_000)

/** The knowledge graph: inserts, points of time, searches and traversals. */
export const memoryGraph: Scenario<BenchSubject, State> = {
  name: 'memory-graph',
  title: 'Knowledge graph: inserts, point-in-time queries, traversals',
  description:
    `100,000 entities (or --rows) with ${VERSIONS} versions each, one a year, half of them corrected once, and ten times as many relationships whose ` +
    'ends follow a Zipf distribution (exponent 1), so that the degree is 10 on the mean and the greatest hub has thousands. Every commit is durable. ' +
    'pgbench writes the same rows, and reads by the same statement, as the same role.',
  options: { rows: 100_000, durationMs: 4000, warmUpMs: 1000, rounds: 5 },
  targets: [
    most('entity-p50', 'insert of an entity, median, one caller', 'p50', 'entity insert, 1 caller', 0.8),
    most(
      'relationship-p50',
      'insert of a relationship, median, one caller',
      'p50',
      'relationship insert, 1 caller',
      0.8,
    ),
    most('point-p95', 'point-in-time query, p95', 'p95', 'point in time, 1 caller', 10),
    most('point-18-p95', 'point-in-time query, p95, 18 callers', 'p95', 'point in time, 18 callers', 10),
    most('known-p95', 'point-in-time query of both times, p95', 'p95', 'both times, 1 caller', 10),
    most('traverse-p95', 'traversal of 4 hops, at most 1,000 rows, p95', 'p95', 'traverse 4 hops, 1 caller', 50),
  ],

  async setUp({ subject, options, signal, progress }) {
    const fleet = await subject.open()
    for (const id of [TENANT, RIVAL]) await fleet.tenants.create({ id }, { ifNotExists: true })
    await fillGraph(fleet, TENANT, options.rows, signal, progress)
    return { fleet, tenant: fleet.tenant(TENANT) }
  },

  contestants({ subject, options }, { tenant }) {
    const { graph } = tenant.memory
    const entities = options.rows
    const one = () => entityId(any(entities))
    let inserted = 0
    const lookup = (callers: number) =>
      loadContestant({
        name: `point in time, ${callers} ${callers === 1 ? 'caller' : 'callers'}`,
        callers,
        rival: `pgbench point in time, ${callers} ${callers === 1 ? 'client' : 'clients'}`,
        operation: (_, signal) => graph.entities.get(one(), { at: anyDay(), signal }),
      })
    const lookupRival = (callers: number) =>
      pgbenchContestant({
        name: `pgbench point in time, ${callers} ${callers === 1 ? 'client' : 'clients'}`,
        callers,
        url: urlAs(subject.url, TENANT),
        script: LOOKUP,
        variables: { entities },
      })
    const newEntity = () => ({
      type: 'service',
      name: `service ${inserted++}`,
      properties: { team: 'red', tier: 1 },
      validFrom: '2025-01-01',
    })
    return [
      loadContestant({
        name: 'entity insert, 1 caller',
        callers: 1,
        rival: 'pgbench entity insert, 1 client',
        operation: (_, signal) => graph.entities.assert(newEntity(), { signal }),
      }),
      pgbenchContestant({
        name: 'pgbench entity insert, 1 client',
        callers: 1,
        url: urlAs(subject.url, RIVAL),
        script: INSERT,
      }),
      loadContestant({
        name: 'entity insert, 18 callers',
        callers: 18,
        operation: (_, signal) => graph.entities.assert(newEntity(), { signal }),
      }),
      loadContestant({
        name: 'relationship insert, 1 caller',
        callers: 1,
        operation: (_, signal) =>
          graph.relationships.assert(
            { subjectId: one(), type: 'calls', objectId: one(), validFrom: anyDay() },
            { signal },
          ),
      }),
      loadContestant({
        name: 'entity correction, 1 caller',
        callers: 1,
        operation: (_, signal) =>
          graph.entities.correct({ id: one(), properties: { tier: any(1000) }, validFrom: anyDay() }, { signal }),
      }),
      lookup(1),
      lookupRival(1),
      lookup(18),
      lookupRival(18),
      loadContestant({
        name: 'both times, 1 caller',
        callers: 1,
        operation: (_, signal) => graph.entities.get(one(), { at: anyDay(), knownAt: '2024-06-01', signal }),
      }),
      loadContestant({
        name: 'traverse 4 hops, 1 caller',
        callers: 1,
        operation: (_, signal) => graph.traverse(one(), { depth: 4, rows: 1000, at: '2020-01-01', signal }),
      }),
      loadContestant({
        name: 'traverse 2 hops either way, 1 caller',
        callers: 1,
        operation: (_, signal) =>
          graph.traverse(one(), { depth: 2, rows: 1000, direction: 'both', at: '2020-01-01', signal }),
      }),
      loadContestant({
        name: 'search, 1 caller',
        callers: 1,
        operation: (_, signal) =>
          graph.entities.search({ query: `entty ${any(entities)}`, at: '2020-01-01' }, { signal }),
      }),
    ]
  },

  async tearDown(_, state) {
    await state?.fleet.close()
  },
}
