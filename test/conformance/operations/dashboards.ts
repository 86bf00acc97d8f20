import type { Dashboards } from 'pgfleet/delivery'
import type { Place, Sample, StoreOperation } from '../operation.js'
import { untilSettled } from './settled.js'

type Name = Exclude<keyof Dashboards, 'taskDependencies' | 'databaseHealth'>

const workflow = ({ delivery }: Place, { id, name }: Sample) =>
  delivery.workflows.create({ id, name, tasks: [{ name: 'a' }] })
const interaction = async ({ delivery }: Place, { id, name }: Sample) => {
  await delivery.agentSessions.create({ id, agentName: name, agentType: 'tester' })
  await delivery.agentSessions.record({ id, sessionId: id, type: 'testing' })
}
const pullRequest = async (place: Place, sample: Sample) => {
  await workflow(place, sample)
  await place.delivery.pullRequests.upsert({ repository: 'a/b', number: 1, title: sample.name, workflowId: sample.id })
}
const rollUp = async (place: Place, { id, name }: Sample) => {
  await place.delivery.metrics.record({ id, name, numericValue: 1 })
  await untilSettled(place, 'metrics')
  await place.delivery.metrics.rollUp()
}
const login = ({ delivery }: Place, { id, name }: Sample) =>
  delivery.audit.record({ id, entityType: 'user', entityId: name, action: 'login' })

/** What has to be there for a dashboard to show something, by its name. */
const ARRANGEMENTS: Readonly<Record<Name, (place: Place, sample: Sample) => Promise<unknown>>> = {
  workflows: workflow,
  workflowPerformance: workflow,
  tasks: workflow,
  agents: interaction,
  interactions: interaction,
  pullRequestQuality: pullRequest,
  pullRequestWorkflows: pullRequest,
  systemHealth: rollUp,
  performanceTrends: rollUp,
  auditActivity: login,
  securityEvents: login,
}

/** What grows with the time since: two looks differ. */
const timeless = (rows: readonly object[]) =>
  rows.map((row) => ({ ...row, durationMs: 0, varianceMs: 0, hoursOpen: 0 }))

/** Dashboards. */
export const DASHBOARDS: readonly StoreOperation[] = [
  ...Object.entries(ARRANGEMENTS).map(
    ([name, arrange]): StoreOperation => ({
      path: `delivery.dashboards.${name}`,
      arrange,
      call: async ({ delivery }, _, options) => timeless(await delivery.dashboards[name as Name](options)),
      bad: { 'options.limit': ({ delivery }) => delivery.dashboards[name as Name]({ limit: 0 }) },
      aborts: true,
    }),
  ),
  {
    path: 'delivery.dashboards.taskDependencies',
    arrange: workflow,
    call: ({ delivery }, { id }, options) => delivery.dashboards.taskDependencies(id, options),
    bad: { workflowId: ({ delivery }) => delivery.dashboards.taskDependencies('x') },
    aborts: true,
  },
  {
    path: 'delivery.dashboards.databaseHealth',
    arrange: login,
    call: async ({ delivery }, _, options) =>
      (await delivery.dashboards.databaseHealth(options)).filter(({ unit }) => unit === 'rows'),
    bad: { 'options.other': ({ delivery }) => delivery.dashboards.databaseHealth({ other: 1 } as never) },
    aborts: true,
  },
]
