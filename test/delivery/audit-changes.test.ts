// What the entries of the usual changes tell, which are not built for each row.
import type { Job } from 'pgfleet/delivery'
import { expect, test } from 'vitest'
import { openTestFleet } from '../setup/index.js'
import { newTenant } from '../setup/tenant.js'

const fleet = await openTestFleet()

test.each([
  ['active', 'idle'],
  ['active', 'paused'],
  ['idle', 'active'],
  ['idle', 'busy'],
  ['busy', 'idle'],
  ['busy', 'completed'],
] as const)('of an agent session from %s to %s', async (before, after) => {
  const tenant = await newTenant(fleet)
  const { agentSessions, audit } = tenant.delivery
  const { id } = await agentSessions.create({ agentName: 'one', agentType: 'tester' })
  if (before !== 'active') await agentSessions.transition(id, 'idle')
  if (before === 'busy') await agentSessions.transition(id, 'busy')
  await agentSessions.transition(id, after)
  const { entries } = await audit.list({ entityType: 'agent_session', entityId: id, limit: 1 })
  expect(entries[0]?.changes).toEqual({ status: [before, after] })
})

test('of workflows and their tasks, tried once and again', async () => {
  const tenant = await newTenant(fleet)
  const { workflows, jobs, audit } = tenant.delivery
  const { id } = await workflows.create({ name: 'w', tasks: [{ name: 'a', type: 'job', retryDelayMs: 0 }] })
  await workflows.start(id)
  await workflows.pause(id)
  await workflows.resume(id)
  const attempt = async () => (await jobs.claim('worker-1', { types: ['job'] }))[0] as Job
  await jobs.fail({ ...(await attempt()), error: 'x', delayMs: 0 })
  await jobs.complete(await attempt())
  const other = await workflows.create({ name: 'w', start: true, tasks: [{ name: 'a', type: 'job' }] })
  await jobs.complete(await attempt())
  const changes = async (entityType: string, entityId: string) =>
    (await audit.list({ entityType, entityId, order: 'asc' })).entries.map((entry) => entry.changes)
  expect((await changes('workflow', id)).slice(1)).toEqual([
    { status: ['pending', 'running'] },
    { status: ['running', 'paused'] },
    { status: ['paused', 'running'] },
    { status: ['running', 'completed'] },
  ])
  expect(await changes('task', `${id}/1`)).toEqual([
    { status: ['pending', 'running'], attempt: 1, worker: 'worker-1' },
    { status: ['running', 'pending'], attempt: 1, error: 'x', retryAt: expect.any(String) },
    { status: ['pending', 'running'], attempt: 2, worker: 'worker-1' },
    { status: ['running', 'completed'], attempt: 2 },
  ])
  expect(await changes('task', `${other.id}/1`)).toEqual([
    { status: ['pending', 'running'], attempt: 1, worker: 'worker-1' },
    { status: ['running', 'completed'], attempt: 1 },
  ])
})

test('of pull requests, without secrets wherever a caller can put some', async () => {
  const tenant = await newTenant(fleet)
  const { pullRequests, audit } = tenant.delivery
  const pull = { repository: 'acme/app', title: 'Repair', branch: 'repair', author: 'ada' }
  await pullRequests.upsert({ ...pull, number: 1, metadata: { apiKey: 'k', n: 1 } })
  await pullRequests.upsert({ ...pull, number: 2 })
  await pullRequests.upsert({ ...pull, number: 2, title: 'Repair it', metadata: { deep: { password: 'p' } } })
  const { entries } = await audit.list({ entityType: 'pull_request', order: 'asc' })
  expect(entries.map((entry) => entry.changes)).toMatchObject([
    { number: 1, title: 'Repair', metadata: { apiKey: '[redacted]', n: 1 } },
    { number: 2, title: 'Repair' },
    { title: ['Repair', 'Repair it'], metadata: [{}, { deep: { password: '[redacted]' } }] },
  ])
})
