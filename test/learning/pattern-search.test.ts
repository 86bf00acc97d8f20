import { beforeEach, expect, test } from 'vitest'
import { failure, newTenant, sql, useFleet } from './support.js'

const fleet = useFleet()
const NAMES = [
  'api_validation',
  'api_validation_v2',
  'api_contract',
  'login_flow',
  'database_migration',
  'ünïcödé_näme',
]
let tenant: Awaited<ReturnType<typeof newTenant>>

const remember = (names: readonly string[], agentType = 'test-generator') =>
  tenant.learning.patterns.remember(names.map((name) => ({ agentType, name, type: 't', data: { name } })))
const search = async (name: string, more = {}) => await tenant.learning.patterns.search({ name, ...more })

beforeEach(async () => {
  tenant = await newTenant(fleet())
  await remember(NAMES)
})

/** Trigram similarity as pg_trgm defines it: shared trigrams of the words, of all of them. */
function similarity(a: string, b: string): number {
  const trigrams = (text: string) => {
    const words = text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
    return new Set(
      words.flatMap((word) => {
        const padded = `  ${word} `
        return Array.from({ length: padded.length - 2 }, (_, i) => padded.slice(i, i + 3))
      }),
    )
  }
  const [ours, theirs] = [trigrams(a), trigrams(b)]
  const shared = [...ours].filter((one) => theirs.has(one)).length
  return shared / (ours.size + theirs.size - shared)
}

test('a typing error is forgiven', async () => {
  expect((await search('api_validtion'))[0]).toMatchObject({ name: 'api_validation', data: { name: 'api_validation' } })
})

test('the most similar come first, by trigram similarity', async () => {
  const found = await search('api_validation')
  expect(found.map(({ name }) => name)).toEqual(['api_validation', 'api_validation_v2'])
  for (const { name, similarity: score } of found) expect(score).toBeCloseTo(similarity('api_validation', name), 6)
})

test('what is not similar is not found', async () => {
  expect(await search('kubernetes')).toEqual([])
})

test('a threshold cuts off, and includes what is exactly as similar', async () => {
  const found = await search('api_validation')
  for (const [i, { similarity: threshold }] of found.entries()) {
    expect((await search('api_validation', { threshold })).length, `threshold ${threshold}`).toBe(i + 1)
  }
  expect(await search('api_validation', { threshold: 1 })).toHaveLength(1)
})

test('names of exactly the similarity 0.7 pass the threshold 0.7', async () => {
  // The nearest double is above the nearest float of 32 bits.
  await remember(['abcdefgh'])
  expect(similarity('abcdefgh', 'abcdefg')).toBe(0.7)
  expect(await search('abcdefg', { threshold: 0.7 })).toHaveLength(1)
  expect(await search('abcdefg', { threshold: 0.71 })).toHaveLength(0)
})

test('the number found is limited', async () => {
  await remember(Array.from({ length: 30 }, (_, i) => `flaky_test_${i}`))
  expect(await search('flaky_test')).toHaveLength(10)
  expect(await search('flaky_test', { limit: 3 })).toHaveLength(3)
  expect(await search('flaky_test', { limit: 100 })).toHaveLength(30)
})

test('the agent type filters', async () => {
  await remember(['api_validation'], 'test-executor')
  expect(await search('api_validation', { threshold: 0.9 })).toHaveLength(2)
  expect(await search('api_validation', { threshold: 0.9, agentType: 'test-executor' })).toMatchObject([
    { agentType: 'test-executor' },
  ])
  expect(await search('api_validation', { agentType: 'nobody' })).toEqual([])
})

test('many searches answer in their order', async () => {
  const found = await tenant.learning.patterns.search([
    { name: 'login' },
    { name: 'zzz' },
    { name: 'database migration', limit: 1 },
  ])
  expect(found.map((list) => list.map(({ name }) => name))).toEqual([['login_flow'], [], ['database_migration']])
})

test('names beyond ASCII are found', async () => {
  expect((await search('ünïcödé_nämé'))[0]?.name).toBe('ünïcödé_näme')
})

test.each(["'; drop table learning.patterns; --", '%', '_', '\\', '"', '%s', '$1', '{}'])(
  'hostile text %s finds nothing and harms nothing',
  async (name) => {
    expect(await search(name)).toEqual([])
    expect(await search('login')).toHaveLength(1)
  },
)

test("another tenant's patterns are not found, though the search runs as a role that sees all", async () => {
  const other = await newTenant(fleet())
  expect(await other.learning.patterns.search({ name: 'api_validation' })).toEqual([])
  await other.learning.patterns.remember({
    agentType: 'test-generator',
    name: 'api_validation',
    type: 't',
    data: 'theirs',
  })
  expect(await other.learning.patterns.search({ name: 'api_validation' })).toMatchObject([{ data: 'theirs' }])
  expect(await search('api_validation', { threshold: 0.9 })).toMatchObject([{ data: { name: 'api_validation' } }])
})

test('the inner half of the search refuses to run without a tenant', async () => {
  const call = sql(fleet(), `select * from learning.find_patterns('[{"name": "api_validation"}]')`)
  expect((await failure(call)).code).toBe('TENANT_INVALID')
})

test('the inner half, called as the app with another tenant set by hand, shows that tenant alone', async () => {
  const other = await newTenant(fleet())
  const found = await fleet().database.lend(async (connection) => {
    await connection.query('begin')
    await connection.query('select platform.enter($1)', [other.id])
    const { rows } = await connection.query(
      `select patterns from learning.find_patterns('[{"name": "api_validation"}]')`,
    )
    await connection.query('rollback')
    return rows
  })
  expect(found).toEqual([{ patterns: [] }])
})

test('expired patterns are not found', async () => {
  await sql(
    fleet(),
    `update learning.patterns set expires_at = now() where tenant_id = $1 and pattern_name = 'login_flow'`,
    [tenant.id],
  )
  expect(await search('login_flow')).toEqual([])
})

test('a transaction finds what it remembered', async () => {
  await tenant.transaction(async (tx) => {
    await tx.learning.patterns.remember({ agentType: 'test-generator', name: 'fresh_pattern', type: 't', data: 1 })
    expect(await tx.learning.patterns.search({ name: 'fresh_pattern' })).toHaveLength(1)
  })
})
