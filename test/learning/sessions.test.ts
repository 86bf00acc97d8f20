import { v7 as uuidv7 } from 'uuid'
import { beforeEach, expect, test } from 'vitest'
import { failure, newTenant, sql, useFleet } from './support.js'

const fleet = useFleet()
const agentType = 'test-generator'
let tenant: Awaited<ReturnType<typeof newTenant>>

beforeEach(async () => {
  tenant = await newTenant(fleet())
})

test('a session starts active and empty', async () => {
  const metadata = { commit: 'abc', nested: [1, null] }
  const id = await tenant.learning.sessions.start({ agentType, name: 'nightly', environment: 'staging', metadata })
  expect(await tenant.learning.sessions.get(id)).toEqual({
    id,
    agentType,
    name: 'nightly',
    status: 'active',
    environment: 'staging',
    taskCount: 0,
    totalReward: 0,
    startedAt: expect.any(Date),
    endedAt: null,
    metadata,
  })
})

test.each(['completed', 'failed', 'cancelled'] as const)('a session ends %s, once', async (status) => {
  const id = await tenant.learning.sessions.start({ agentType })
  await tenant.learning.sessions.end(id, status)
  const ended = await tenant.learning.sessions.get(id)
  expect(ended).toMatchObject({ status, endedAt: expect.any(Date) })
  for (const again of ['completed', 'failed', 'cancelled'] as const) {
    expect(await failure(tenant.learning.sessions.end(id, again))).toMatchObject({ code: 'SESSION_ENDED', field: 'id' })
  }
  expect(await tenant.learning.sessions.get(id)).toEqual(ended)
})

test('of 18 who end a session at once one succeeds', async () => {
  const id = await tenant.learning.sessions.start({ agentType })
  const settled = await Promise.allSettled(Array.from({ length: 18 }, () => tenant.learning.sessions.end(id)))
  expect(settled.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
})

test('a session cannot be set active again', async () => {
  const id = await tenant.learning.sessions.start({ agentType })
  const error = await failure(tenant.learning.sessions.end(id, 'active' as never))
  expect(error).toMatchObject({ code: 'INPUT_INVALID', field: 'status' })
})

test('the database itself refuses a state and an end that do not fit', async () => {
  const id = await tenant.learning.sessions.start({ agentType })
  for (const change of [`status = 'completed'`, `status = 'paused', ended_at = now()`, 'ended_at = now()']) {
    await expect(sql(fleet(), `update learning.sessions set ${change} where session_id = $1`, [id])).rejects.toThrow()
  }
})

test("unknown, expired and other tenants' sessions are unknown", async () => {
  const other = await newTenant(fleet())
  const foreign = await other.learning.sessions.start({ agentType })
  const expired = await tenant.learning.sessions.start({ agentType })
  await sql(fleet(), 'update learning.sessions set expires_at = now() where session_id = $1', [expired])
  for (const id of [uuidv7(), foreign, expired]) {
    expect(await tenant.learning.sessions.get(id)).toBeUndefined()
    expect((await failure(tenant.learning.sessions.end(id))).code).toBe('SESSION_UNKNOWN')
  }
  expect(await tenant.learning.sessions.list()).toEqual([])
})

test('paging gives every session once, newest first, though many started at one moment', async () => {
  const ids = await tenant.transaction((tx) =>
    Promise.all(Array.from({ length: 12 }, () => tx.learning.sessions.start({ agentType }))),
  )
  for (let i = 0; i < 5; i++) ids.push(await tenant.learning.sessions.start({ agentType }))
  const seen: string[] = []
  let last = new Date(8.64e15)
  for (let after: string | undefined; ; ) {
    const page = await tenant.learning.sessions.list({ limit: 5, ...(after === undefined ? {} : { after }) })
    if (page.length === 0) break
    for (const { id, startedAt } of page) {
      expect(startedAt.getTime()).toBeLessThanOrEqual(last.getTime())
      last = startedAt
      seen.push(id)
    }
    after = page.at(-1)?.id
  }
  expect(seen).toHaveLength(17)
  expect(new Set(seen)).toEqual(new Set(ids))
})

test('paging goes on when the session that it stopped at has expired meanwhile', async () => {
  for (let i = 0; i < 6; i++) await tenant.learning.sessions.start({ agentType })
  const page = await tenant.learning.sessions.list({ limit: 3 })
  const after = page.at(-1)?.id as string
  await sql(fleet(), 'update learning.sessions set expires_at = now() where session_id = $1', [after])
  expect(await tenant.learning.sessions.list({ after })).toHaveLength(3)
})

test('lists are filtered by agent type and by status', async () => {
  const ids = [
    await tenant.learning.sessions.start({ agentType }),
    await tenant.learning.sessions.start({ agentType: 'test-executor' }),
    await tenant.learning.sessions.start({ agentType }),
  ]
  await tenant.learning.sessions.end(ids[0] as string, 'failed')
  const list = async (options: object) => (await tenant.learning.sessions.list(options)).map(({ id }) => id)
  expect(await list({ agentType })).toEqual([ids[2], ids[0]])
  expect(await list({ status: 'failed' })).toEqual([ids[0]])
  expect(await list({ status: 'active', agentType })).toEqual([ids[2]])
})
