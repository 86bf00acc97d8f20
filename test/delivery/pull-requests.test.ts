import fc from 'fast-check'
import type { NewPullRequest, PullRequestStatus } from 'pgfleet/delivery'
import { v7 as uuidv7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { failure, newTenant, sql, useFleet } from '../setup/tenant.js'

const fleet = useFleet()

/** The statuses that a pull request may go to, written down a second time. */
const NEXT: Record<PullRequestStatus, readonly PullRequestStatus[]> = {
  draft: ['open'],
  open: ['draft', 'merged', 'closed'],
  closed: ['open'],
  merged: [],
}
const STATUSES = Object.keys(NEXT) as PullRequestStatus[]
const key = (number = 1) => ({ repository: 'acme/shop', number })
const some = (number = 1, more: Partial<NewPullRequest> = {}): NewPullRequest => ({
  ...key(number),
  title: `Change ${number}`,
  ...more,
})
const audit = (tenant: string) =>
  sql<{ entity_id: string; action: string; actor_id: string | null; changes: Record<string, unknown> }>(
    fleet(),
    `select entity_id, action, actor_id, changes from delivery.audit_log
    where tenant_id = $1 and entity_type = 'pull_request' order by sequence`,
    [tenant],
  )
const rowVersion = async (id: string) =>
  (
    await sql<{ ctid: string }>(fleet(), 'select ctid::text from delivery.pull_requests where pull_request_id = $1', [
      id,
    ])
  )[0]

const full: NewPullRequest = {
  ...key(7),
  id: uuidv7(),
  url: 'https://example.com/7',
  title: 'Add a cart',
  description: 'It holds things.',
  branch: 'cart',
  baseBranch: 'develop',
  status: 'open',
  mergeStatus: 'mergeable',
  reviewStatus: 'approved',
  approvals: 2,
  ciStatus: 'success',
  securityStatus: 'passed',
  coverage: 85.25,
  quality: 90,
  linesAdded: 10,
  linesDeleted: 3,
  filesChanged: 2,
  commits: 4,
  author: 'ada',
  assignees: ['bob'],
  reviewers: ['carl', 'dora'],
  labels: ['feature', 'shop'],
  metadata: { team: 'web', nested: { a: [1] } },
  workflowId: uuidv7(),
  sessionId: uuidv7(),
  task: 'review',
  openedAt: new Date('2026-01-02T03:04:05.678Z'),
}

describe('a pull request', () => {
  test('is recorded with all that was given, and found by id or number', async () => {
    const tenant = await newTenant(fleet())
    const { pullRequests } = tenant.as({ actor: { type: 'agent', id: 'r7' } }).delivery
    const made = await pullRequests.upsert(full)
    const { changed, ...found } = made
    expect(found).toMatchObject({ ...full, version: 1, mergedAt: null, closedAt: null, headSha: null })
    expect(changed).toContain('title')
    expect(await pullRequests.get([key(7), uuidv7(), made.id, key(8)])).toEqual([found, undefined, found, undefined])
    const rows = await audit(tenant.id)
    expect(rows).toMatchObject([
      { action: 'create', entity_id: made.id, actor_id: 'r7', changes: { title: 'Add a cart', number: 7 } },
    ])
  })

  test('has defaults for what was not given', async () => {
    const { delivery } = await newTenant(fleet())
    expect(await delivery.pullRequests.upsert(some())).toMatchObject({
      status: 'open',
      baseBranch: 'main',
      mergeStatus: 'pending',
      reviewStatus: 'pending',
      ciStatus: 'pending',
      securityStatus: 'pending',
      approvals: 0,
      coverage: null,
      labels: [],
      metadata: {},
    })
  })

  test('told again as it is writes nothing', async () => {
    const { id: tenant, delivery } = await newTenant(fleet())
    const first = await delivery.pullRequests.upsert({ ...full, id: uuidv7() })
    const before = await rowVersion(first.id)
    const { id: _, ...again } = { ...full, labels: ['shop', 'feature', 'shop'], metadata: { nested: { a: [1] } } }
    expect(await delivery.pullRequests.upsert([again, again])).toEqual([
      { ...first, changed: [] },
      { ...first, changed: [] },
    ])
    expect(await rowVersion(first.id)).toEqual(before)
    expect(await audit(tenant)).toHaveLength(1)
  })

  test('changes what is given, says what that was, and merges metadata', async () => {
    const { id: tenant, delivery } = await newTenant(fleet())
    await delivery.pullRequests.upsert(some(1, { metadata: { a: 1 }, coverage: 50 }))
    const changed = await delivery.pullRequests.update({
      ...key(),
      ciStatus: 'success',
      reviewStatus: 'pending',
      coverage: 50.004,
      metadata: { b: 2, token: 'x' },
    })
    expect(changed).toMatchObject({ version: 2, ciStatus: 'success', metadata: { a: 1, b: 2, token: 'x' } })
    expect(changed.changed).toEqual(['ciStatus', 'metadata'])
    expect((await audit(tenant))[1]).toMatchObject({
      action: 'update',
      changes: { ci_status: ['pending', 'success'], metadata: [{ a: 1 }, { a: 1, b: 2, token: '[redacted]' }] },
    })
    expect(await delivery.pullRequests.update({ ...key(), coverage: null })).toMatchObject({
      coverage: null,
      changed: ['coverage'],
    })
  })

  test('changes status as the table of statuses says, whatever the order', async () => {
    const { delivery } = await newTenant(fleet())
    let number = 0
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...STATUSES),
        fc.array(fc.constantFrom(...STATUSES), { minLength: 1, maxLength: 8 }),
        async (start, path) => {
          number += 1
          await delivery.pullRequests.upsert(some(number, { status: start }))
          let model = { status: start, version: 1 }
          for (const status of path) {
            if (status === model.status || NEXT[model.status].includes(status)) {
              model = { status, version: model.version + (status === model.status ? 0 : 1) }
              expect(await delivery.pullRequests.update({ ...key(number), status })).toMatchObject(model)
            } else {
              const error = await failure(
                delivery.pullRequests.upsert(some(number, { status })),
                'PULL_REQUEST_STATE_ILLEGAL',
              )
              expect(error.message).toContain(`is ${model.status};`)
              for (const next of NEXT[model.status]) expect(error.message).toContain(next)
              expect(error.field).toBe('pullRequests[0].status')
            }
            const now = await delivery.pullRequests.get(key(number))
            expect(now).toMatchObject(model)
            expect(now?.mergedAt !== null).toBe(model.status === 'merged')
            expect(now?.closedAt !== null).toBe(model.status === 'merged' || model.status === 'closed')
            if (model.status === 'merged') expect(now?.mergeStatus).toBe('merged')
          }
        },
      ),
      { numRuns: 40 },
    )
  })

  test('of one call are all written, or none', async () => {
    const { delivery } = await newTenant(fleet())
    await delivery.pullRequests.upsert(some(1, { status: 'merged' }))
    await failure(delivery.pullRequests.upsert([some(2), some(1, { status: 'open' })]), 'PULL_REQUEST_STATE_ILLEGAL')
    const unknown = await failure(
      delivery.pullRequests.update([
        { ...key(1), quality: 1 },
        { ...key(9), quality: 1 },
      ]),
      'PULL_REQUEST_UNKNOWN',
    )
    expect(unknown.field).toBe('pullRequests[1].number')
    const untitled = await failure(delivery.pullRequests.upsert(key(3)), 'INPUT_INVALID')
    expect(untitled.field).toBe('pullRequests[0].title')
    expect(await delivery.pullRequests.list()).toMatchObject([{ number: 1, quality: null, version: 1 }])
  })

  test('told several times in a call is changed in order', async () => {
    const { id: tenant, delivery } = await newTenant(fleet())
    const told = await delivery.pullRequests.upsert([
      some(1),
      some(1, { title: 'B' }),
      { ...key(1), status: 'closed' },
      { ...key(1), status: 'open' },
    ])
    expect(told.map(({ title, status, version }) => [title, status, version])).toEqual([
      ['Change 1', 'open', 1],
      ['B', 'open', 2],
      ['B', 'closed', 3],
      ['B', 'open', 4],
    ])
    expect(await audit(tenant)).toHaveLength(4)
  })

  test('told by many at once is there once, and no change is lost', async () => {
    const { delivery } = await newTenant(fleet())
    await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        delivery.pullRequests.upsert([some(1 + (n % 3), { metadata: { [`m${n}`]: n } }), some(1 + ((n + 1) % 3))]),
      ),
    )
    const found = await delivery.pullRequests.list()
    expect(found.map(({ number }) => number).sort()).toEqual([1, 2, 3])
    expect(Object.assign({}, ...found.map(({ metadata }) => metadata))).toEqual(
      Object.fromEntries(Array.from({ length: 30 }, (_, n) => [`m${n}`, n])),
    )
  })

  test('of a stale version is not changed', async () => {
    const { delivery } = await newTenant(fleet())
    await delivery.pullRequests.upsert(some())
    const calls = await Promise.allSettled(
      Array.from({ length: 5 }, (_, n) =>
        delivery.pullRequests.update({ ...key(), approvals: n + 1, expectedVersion: 1 }),
      ),
    )
    expect(calls.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    for (const call of calls)
      if (call.status === 'rejected') expect(call.reason).toMatchObject({ code: 'VERSION_CONFLICT' })
  })
})

describe('the gate', () => {
  test('opens for what is open, mergeable, approved, green and safe', async () => {
    const { delivery } = await newTenant(fleet())
    const { id } = await delivery.pullRequests.upsert({ ...full, id: uuidv7() })
    expect(await delivery.pullRequests.gate(id)).toEqual({
      ready: true,
      reasons: [],
      warnings: [],
      complexity: 0.4 * 0.2 + 0.6 * 0.013,
    })
  })

  const blocks: [string, Partial<NewPullRequest>, object, object][] = [
    ['not_open', { status: 'draft' }, {}, { found: 'draft', required: 'open' }],
    ['not_mergeable', { mergeStatus: 'conflicted' }, {}, { found: 'conflicted' }],
    ['review_missing', { reviewStatus: 'changes_requested' }, {}, { found: 'changes_requested' }],
    ['approvals_missing', {}, { approvalsMin: 3 }, { found: 2, required: 3 }],
    ['ci_not_passed', { ciStatus: 'skipped' }, {}, { found: 'skipped', required: 'success' }],
    ['security_not_passed', { securityStatus: 'failed' }, {}, { found: 'failed' }],
    ['coverage_low', {}, { coverageMin: 86 }, { found: 85.25, required: 86 }],
    ['coverage_low', { coverage: null }, { coverageMin: 1 }, { found: null }],
    ['quality_low', {}, { qualityMin: 90.5 }, { found: 90 }],
    ['too_many_lines', {}, { linesMax: 12 }, { found: 13, required: 12 }],
    ['too_many_files', {}, { filesMax: 1 }, { found: 2 }],
  ]
  test.each(blocks)('is closed by %s', async (name, fields, policy, reason) => {
    const { delivery } = await newTenant(fleet())
    await delivery.pullRequests.upsert({ ...full, id: uuidv7(), ...fields })
    const found = await delivery.pullRequests.gate(key(7), policy)
    expect(found).toMatchObject({ ready: false, reasons: [{ name, ...reason }] })
    expect(found.reasons).toHaveLength(1)
  })

  test('asks for less when the policy does, and warns of the unusual', async () => {
    const { delivery } = await newTenant(fleet())
    await delivery.pullRequests.upsert(some(1, { coverage: 79.99, quality: 69, linesAdded: 1001, filesChanged: 51 }))
    expect(
      await delivery.pullRequests.gate(key(), { reviewed: false, mergeable: false, ci: [], security: [] }),
    ).toMatchObject({
      ready: true,
      complexity: 1,
      warnings: [
        { name: 'coverage_low' },
        { name: 'quality_low' },
        { name: 'too_many_lines' },
        { name: 'too_many_files' },
      ],
    })
    await failure(delivery.pullRequests.gate(key(2)), 'PULL_REQUEST_UNKNOWN')
    expect(await failure(delivery.pullRequests.gate(key(), { ci: ['green'] as never }))).toMatchObject({
      field: 'policy.ci[0]',
    })
  })
})

describe('lists', () => {
  const WORDS = ['cart', 'basket', 'checkout', 'running', 'price']
  const made: NewPullRequest[] = Array.from({ length: 24 }, (_, n) => ({
    repository: `acme/r${n % 2}`,
    number: n + 1,
    id: uuidv7(),
    title: `Fix ${WORDS[n % 5]}`,
    description: n % 3 === 0 ? null : `about the ${WORDS[(n + 1) % 5]}`,
    author: `dev-${n % 3}`,
    status: STATUSES[n % 4] as PullRequestStatus,
    ciStatus: n % 2 === 0 ? 'success' : 'failure',
    reviewStatus: n % 6 === 0 ? 'approved' : 'pending',
    labels: [`l${n % 2}`, `m${n % 3}`],
    metadata: { n, deep: { even: n % 2 === 0 } },
  }))
  const where = (holds: (each: NewPullRequest, n: number) => boolean) =>
    made
      .filter(holds)
      .map(({ number }) => number)
      .reverse()

  test('page by page find each once, by every filter, and by those of another tenant nothing', async () => {
    const { delivery } = await newTenant(fleet())
    const other = await newTenant(fleet())
    await delivery.pullRequests.upsert(made)
    await other.delivery.pullRequests.upsert(made.slice(0, 3).map((each) => ({ ...each, id: uuidv7() })))
    const all = async (filter: object) => {
      const found: { number: number; id: string }[] = []
      for (;;) {
        const after = found.at(-1)?.id
        const page = await delivery.pullRequests.list({ limit: 5, ...filter, ...(after && { after }) })
        found.push(...page)
        if (page.length < 5) return found.map(({ number }) => number)
      }
    }
    const words = (each: NewPullRequest) => `${each.title} ${each.description ?? ''}`
    expect(await all({})).toEqual(where(() => true))
    expect(await all({ repository: 'acme/r1' })).toEqual(where((_, n) => n % 2 === 1))
    expect(await all({ status: 'draft', ciStatus: 'success' })).toEqual(where((_, n) => n % 4 === 0))
    expect(await all({ author: 'dev-2', reviewStatus: 'pending' })).toEqual(where((_, n) => n % 3 === 2))
    expect(await all({ labels: ['l0', 'm1'] })).toEqual(where((_, n) => n % 2 === 0 && n % 3 === 1))
    expect(await all({ metadata: { deep: { even: true } }, author: 'dev-0' })).toEqual(
      where((_, n) => n % 2 === 0 && n % 3 === 0),
    )
    expect(await all({ query: 'basket' })).toEqual(where((each) => words(each).includes('basket')))
    // By its stem, with what it must not have, and with everything else.
    expect(await all({ query: 'runs -price' })).toEqual(
      where((each) => words(each).includes('running') && !words(each).includes('price')),
    )
    expect(await all({ query: 'cart or basket', labels: ['l1'], status: 'open' })).toEqual(
      where((each, n) => /cart|basket/.test(words(each)) && n % 2 === 1 && n % 4 === 1),
    )
    expect(await all({ query: 'dev-1 cart' })).toEqual(where((each, n) => words(each).includes('cart') && n % 3 === 1))
    expect(await other.delivery.pullRequests.list({ query: 'checkout' })).toHaveLength(2)
    // A word that every text has finds nothing.
    expect(await all({ query: 'the' })).toEqual([])
  })
})

describe('bad input is refused by name, and nothing is written', () => {
  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic
  const cases: [string, unknown][] = [
    ['pullRequests[0].repository', { ...some(), repository: '' }],
    ['pullRequests[0].number', { ...some(), number: 0 }],
    ['pullRequests[0].number', { ...some(), number: 2 ** 31 }],
    ['pullRequests[0].title', { ...some(), title: 'x'.repeat(501) }],
    ['pullRequests[0].title', { ...some(), title: '\0' }],
    ['pullRequests[0].status', { ...some(), status: 'done' }],
    ['pullRequests[0].coverage', { ...some(), coverage: 100.1 }],
    ['pullRequests[0].quality', { ...some(), quality: Number.NaN }],
    ['pullRequests[0].linesAdded', { ...some(), linesAdded: -1 }],
    ['pullRequests[0].labels[0]', { ...some(), labels: [1] }],
    ['pullRequests[0].metadata', { ...some(), metadata: cyclic }],
    ['pullRequests[0].mergedAt', { ...some(), mergedAt: new Date() }],
    ['pullRequests[0]', null],
  ]
  test.each(cases)('%s', async (field, input) => {
    const { delivery } = await newTenant(fleet())
    expect(await failure(delivery.pullRequests.upsert(input as never), 'INPUT_INVALID')).toMatchObject({ field })
    expect(await delivery.pullRequests.list()).toEqual([])
  })
})
