import { v7 as uuidv7 } from 'uuid'
import type { Database } from '../../database/database.js'
import { type Statement, statement } from '../../database/statement.js'
import { FleetError } from '../../errors.js'
import { TWIN } from './delivery-audit-twin.js'

/** Entities that are there to be changed. */
const THERE = 1000
/** Jobs that are there to be claimed for each millisecond of a round: more than any way of claiming them takes. */
const JOBS_A_MILLISECOND = 40
/** Tasks of a workflow of jobs, beside each other. */
const TASKS = 100
const HASH = '00000000-0000-4000-8000-000000000000'
const IDENTITY = { actor_type: 'agent', actor_id: 'agent-1', correlation_id: 'run-1' }

type Row = { readonly ordinal: number; readonly jobs?: readonly { workflow_id: string; claimed: readonly number[] }[] }

const call = (schema: string, name: string, columns = 'ordinal') =>
  statement<Row>(`bench.${schema}.${name}`, `select ${columns} from ${schema}.${name}($1::text, $2::jsonb)`)

/** The statements that change something, of a schema that has them. */
const statementsOf = (schema: string) => ({
  interactions: call(schema, 'record_interactions'),
  createSessions: call(schema, 'create_agent_sessions'),
  changeSessions: call(schema, 'change_agent_sessions'),
  putPullRequests: call(schema, 'put_pull_requests'),
  createWorkflows: call(schema, 'create_workflows'),
  transitionWorkflows: call(schema, 'transition_workflows'),
  claimJobs: call(schema, 'claim_jobs_packed', 'ordinal, jobs'),
  endJobs: call(schema, 'end_jobs'),
  metrics: call(schema, 'record_metrics'),
})

/** The kinds, as the report names one and many. */
export const KINDS = [
  { one: 'interaction', many: 'interactions' },
  { one: 'agent session created', many: 'agent sessions created' },
  { one: 'agent session changed', many: 'agent sessions changed' },
  { one: 'pull request recorded', many: 'pull requests recorded' },
  { one: 'pull request changed', many: 'pull requests changed' },
  { one: 'workflow created', many: 'workflows created' },
  { one: 'workflow paused or resumed', many: 'workflows paused or resumed' },
  { one: 'job claimed and completed', many: 'jobs claimed and completed' },
  { one: 'point of a metric', many: 'points of metrics' },
] as const

/** A change of one kind. */
export interface Mutation {
  readonly one: string
  readonly many: string
  /** Before each round of so many milliseconds; not measured. */
  before?(milliseconds: number): Promise<void>
  /** Makes so many changes, as one of so many callers; each has its own part of what is there to be changed. */
  change(count: number, caller: number, callers: number): Promise<unknown>
}

const times = <T>(count: number, make: (n: number) => T): T[] => Array.from({ length: count }, (_, n) => make(n))

const newSession = () => ({
  id: uuidv7(),
  content_hash: HASH,
  agent_name: 'agent-1',
  agent_type: 'tester',
  data: {},
  context: {},
  metadata: {},
  ...IDENTITY,
})

const newWorkflow = (tasks: number, channel: string, start: boolean) => ({
  id: uuidv7(),
  content_hash: HASH,
  name: 'deploy',
  type: 'ci_cd',
  environment: 'development',
  priority: 0,
  tags: [],
  metadata: {},
  configuration: {},
  start,
  tasks: times(tasks, (n) => ({
    n: n + 1,
    name: `task-${n}`,
    type: channel,
    needs: [],
    feeds: [],
    optional: false,
    critical: true,
    max_retries: 3,
    retry_delay_ms: 1000,
    delay_ms: 0,
  })),
  ...IDENTITY,
})

/** The mutations of a tenant: with their audit, or by the functions of the twin. */
export class Mutations {
  readonly #database: Database
  readonly #tenant: string
  readonly #statements: ReturnType<typeof statementsOf>
  readonly #sessions = times(THERE, newSession)
  readonly #workflows = times(THERE, () => newWorkflow(1, 'idle', true))
  /** Those of the entities that are there that were changed an odd number of times. */
  readonly #odd = new Set<object>()
  #turns = 0
  #pullRequests = 0
  #interactions = 0

  constructor(database: Database, tenant: string, { audited }: { readonly audited: boolean }) {
    this.#database = database
    this.#tenant = tenant
    this.#statements = statementsOf(audited ? 'delivery' : TWIN)
  }

  /** Makes the entities that are changed. */
  async setUp(): Promise<void> {
    const { createSessions, createWorkflows } = this.#statements
    await this.#run(createSessions, this.#sessions)
    await this.#run(createWorkflows, this.#workflows)
    await this.#putPullRequests(THERE)
  }

  readonly all: readonly Mutation[] = [
    {
      ...KINDS[0],
      change: (count) =>
        this.#run(
          this.#statements.interactions,
          times(count, () => ({
            id: uuidv7(),
            session_id: this.#sessions[this.#interactions++ % 64]?.id,
            type: 'testing',
            status: 'completed',
            tokens: 100,
            cost: 0.001,
            duration_us: 1000 + (this.#interactions % 1000),
            request: { prompt: 'run the tests' },
            response: { passed: 12 },
            ...IDENTITY,
          })),
        ),
    },
    {
      ...KINDS[1],
      change: (count) => this.#run(this.#statements.createSessions, times(count, newSession)),
    },
    {
      ...KINDS[2],
      change: (count, caller, callers) =>
        this.#run(
          this.#statements.changeSessions,
          this.#turn(this.#sessions, count, caller, callers, ({ id }, isOdd) => ({
            id,
            status: isOdd ? 'active' : 'idle',
            ...IDENTITY,
          })),
        ),
    },
    {
      ...KINDS[3],
      change: (count) => this.#putPullRequests(count),
    },
    {
      ...KINDS[4],
      change: (count, caller, callers) =>
        this.#run(
          this.#statements.putPullRequests,
          this.#turn(this.#numbers, count, caller, callers, ({ number }, isOdd) => ({
            repository: 'acme/app',
            number,
            must_exist: true,
            fields: { ci_status: isOdd ? 'success' : 'failure' },
            ...IDENTITY,
          })),
        ),
    },
    {
      ...KINDS[5],
      change: (count) =>
        this.#run(
          this.#statements.createWorkflows,
          times(count, () => newWorkflow(1, 'idle', false)),
        ),
    },
    {
      ...KINDS[6],
      change: (count, caller, callers) =>
        this.#run(
          this.#statements.transitionWorkflows,
          this.#turn(this.#workflows, count, caller, callers, ({ id }, isOdd) => ({
            id,
            verb: isOdd ? 'resume' : 'pause',
            ...IDENTITY,
          })),
        ),
    },
    {
      ...KINDS[7],
      before: (milliseconds) => this.#fillJobs(milliseconds * JOBS_A_MILLISECOND),
      change: (count) => this.#work(count),
    },
    {
      ...KINDS[8],
      change: (count) =>
        this.#run(
          this.#statements.metrics,
          times(count, (n) => ({
            id: uuidv7(),
            name: 'latency',
            category: 'performance',
            type: 'gauge',
            dimensions: { agent: `agent-${n % 50}` },
            number: n,
            ...IDENTITY,
          })),
        ),
    },
  ]

  /** Jobs that are left to claim. */
  #jobs = 0
  readonly #numbers = times(THERE, (n) => ({ number: n + 1 }))

  async #putPullRequests(count: number): Promise<unknown> {
    return await this.#run(
      this.#statements.putPullRequests,
      times(count, () => ({
        id: uuidv7(),
        repository: 'acme/app',
        number: ++this.#pullRequests,
        must_exist: false,
        fields: { title: 'Repair the build', branch: 'repair', author: 'ada', ci_status: 'failure' },
        ...IDENTITY,
      })),
    )
  }

  /** The next of the caller's own part of what is there; each is told whether it was changed an odd number of times. */
  #turn<Entity extends object>(
    all: readonly Entity[],
    count: number,
    caller: number,
    callers: number,
    item: (entity: Entity, isOdd: boolean) => object,
  ): object[] {
    const size = Math.floor(all.length / callers)
    const own = all.slice(caller * size, (caller + 1) * size)
    return times(count, () => {
      const entity = own[this.#turns++ % size] as Entity
      const isOdd = this.#odd.delete(entity)
      if (!isOdd) this.#odd.add(entity)
      return item(entity, isOdd)
    })
  }

  /** Claims so many jobs, and completes them. */
  async #work(count: number): Promise<void> {
    const { claimJobs, endJobs } = this.#statements
    const lease = uuidv7()
    const request = { channels: ['job'], limit: count, lease, lease_ms: 60_000, worker: 'worker-1', ...IDENTITY }
    const jobs = (await this.#run(claimJobs, [request]))
      .flatMap((row) => row.jobs ?? [])
      .flatMap(({ workflow_id, claimed }) => claimed.map((task_number) => ({ workflow_id, task_number })))
    this.#jobs -= jobs.length
    if (jobs.length < count) throw new FleetError('BENCH_FAILED', { message: 'no jobs are left to claim' })
    const ended = jobs.map(({ workflow_id, task_number }) => ({
      workflow_id,
      task_number,
      lease,
      outcome: 'completed',
      result: null,
      retry: true,
      ...IDENTITY,
    }))
    await this.#run(endJobs, ended)
  }

  async #fillJobs(wanted: number): Promise<void> {
    while (this.#jobs < wanted) {
      await this.#run(
        this.#statements.createWorkflows,
        times(10, () => newWorkflow(TASKS, 'job', true)),
      )
      this.#jobs += 10 * TASKS
    }
  }

  async #run(what: Statement<Row>, items: readonly object[]): Promise<readonly Row[]> {
    return await this.#database.run(what, [this.#tenant, JSON.stringify(items)], { durability: 'durable' })
  }
}
