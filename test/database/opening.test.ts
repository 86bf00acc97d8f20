import { expect, test } from 'vitest'
import { failure, openTestFleet, sql } from '../setup/index.js'

const fleet = await openTestFleet()
await fleet.tenants.create({ id: 'acme' })
const acme = fleet.tenant('acme')

test('it says which engine it runs on', async () => {
  const [row] = await sql<{ address: string | null; version: string }>(
    fleet,
    `select current_setting('server_version_num') as version`,
  )
  expect(Number(row?.version)).toBeGreaterThanOrEqual(170000)
  expect(fleet.isEmbedded).toBe((process.env.TEST_ENGINE ?? 'embedded') === 'embedded')
})

test('bigint arrives as a number', async () => {
  expect(await sql(fleet, 'select 9007199254740991::bigint as n, count(*) as one from (values (1)) v')).toEqual([
    { n: Number.MAX_SAFE_INTEGER, one: 1 },
  ])
})

test('durability async is visible at once, and asked for in its own transaction alone', async () => {
  const experience = { agentType: 'quality-gate', state: 'async', action: 1, reward: 1, learningRate: 1 } as const
  const learned = await acme.learning.learn(experience, { durability: 'async' })
  expect(learned.visits).toBe(1)
  expect((await acme.learning.best('quality-gate', 'async'))?.q).toBe(1)
  const commit = {
    name: 'test.commit',
    text: `select current_setting('synchronous_commit') as mode from concat($1::text) as tenant`,
  }
  const mode = async (call: Promise<unknown[]>) => ((await call)[0] as { mode: string }).mode
  const usual = await mode(fleet.database.run(commit, ['acme']))
  expect(usual).not.toBe('off')
  expect(await mode(fleet.database.run(commit, ['acme'], { durability: 'async' }))).toBe('off')
  expect(await mode(fleet.database.runAs('acme', commit, ['acme'], { durability: 'async' }))).toBe('off')
  expect(await mode(fleet.database.run(commit, ['acme']))).toBe(usual)
})

// The last test of the file: it closes the fleet.
test('leaving `await using` waits for queued calls, refuses new ones, and closing may be repeated', async () => {
  const queued: Promise<{ visits: number }>[] = []
  {
    await using leaving = fleet
    const { learning } = leaving.tenant('acme')
    for (let i = 0; i < 30; i++) {
      queued.push(learning.learn({ agentType: 'quality-gate', state: `closing-${i}`, action: 1, reward: 1 }))
    }
  }
  expect((await Promise.all(queued)).map(({ visits }) => visits)).toEqual(queued.map(() => 1))
  await fleet.close()
  await failure(acme.learning.best('quality-gate', 'late'), 'CLOSED')
  await failure(fleet.tenants.list(), 'CLOSED')
  await failure(acme.learning.agentTypes.list(), 'CLOSED')
  const late = acme.transaction(async () => {})
  await failure(late, 'CLOSED')
})
