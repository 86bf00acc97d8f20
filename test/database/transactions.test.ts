import type { Transaction } from 'pgfleet'
import { expect, test } from 'vitest'
import { failure, onEngines, openTestFleet, sql } from '../setup/index.js'

const fleet = await openTestFleet()
await fleet.tenants.create({ id: 'acme' })
await fleet.tenants.create({ id: 'other' })
const acme = fleet.tenant('acme')

const type = 'quality-gate'
const learn = (state: string, reward = 1) => ({ agentType: type, state, action: 'go', reward, learningRate: 1 })
const known = async (state: string) => (await acme.learning.best(type, state))?.q

test('everything in it commits together, and sees itself before', async () => {
  const inside = await acme.transaction(async (tx) => {
    await tx.learning.learn(learn('together-1', 1))
    await tx.learning.learn([learn('together-2', 2), learn('together-3', 3)])
    await tx.learning.agentTypes.upsert({ agentType: 'made-in-transaction', category: 'test' } as never)
    return await tx.learning.best([
      { agentType: type, state: 'together-1' },
      { agentType: type, state: 'together-3' },
    ])
  })
  expect(inside.map((value) => value?.q)).toEqual([1, 3])
  expect(await Promise.all(['together-1', 'together-2', 'together-3'].map(known))).toEqual([1, 2, 3])
  expect((await acme.learning.agentTypes.list()).map((each) => each.agentType)).toContain('made-in-transaction')
})

test('what the callback throws comes out as it is, and nothing is kept', async () => {
  const thrown = { not: 'an Error' }
  const call = acme.transaction(async (tx) => {
    await tx.learning.learn(learn('thrown'))
    throw thrown
  })
  await expect(call).rejects.toBe(thrown)
  expect(await known('thrown')).toBeUndefined()
})

test('a refused call comes out with its code, and nothing is kept', async () => {
  const call = acme.transaction(async (tx) => {
    await tx.learning.learn(learn('refused'))
    await tx.learning.learn({ ...learn('refused'), agentType: 'nobody' })
  })
  await failure(call, 'AGENT_TYPE_UNKNOWN')
  expect(await known('refused')).toBeUndefined()
})

test('a failure that the callback swallowed is an error of the transaction, not a commit', async () => {
  const call = acme.transaction(async (tx) => {
    await tx.learning.learn(learn('swallowed'))
    await tx.learning.learn({ ...learn('swallowed'), agentType: 'nobody' }).catch(() => {})
    return 'looks fine'
  })
  await failure(call, 'TRANSACTION_ENDED')
  expect(await known('swallowed')).toBeUndefined()
})

test('a call after a failed one is told so', async () => {
  let second: unknown
  await failure(
    acme.transaction(async (tx) => {
      await tx.learning.learn({ ...learn('after'), agentType: 'nobody' }).catch(() => {})
      second = await failure(tx.learning.learn(learn('after')), 'TRANSACTION_ENDED')
    }),
    'TRANSACTION_ENDED',
  )
  expect(second).toBeDefined()
})

test('an invalid argument is refused before it is sent, and the transaction goes on', async () => {
  await acme.transaction(async (tx) => {
    await failure(tx.learning.learn({ ...learn('invalid'), reward: Number.NaN }), 'INPUT_INVALID')
    await tx.learning.learn(learn('valid'))
  })
  expect(await known('valid')).toBe(1)
})

test('its tx is of no use after the end', async () => {
  let kept: Transaction | undefined
  await acme.transaction(async (tx) => {
    kept = tx
  })
  await failure((kept as Transaction).learning.best(type, 'x'), 'TRANSACTION_ENDED')
  await acme
    .transaction(async (tx) => {
      kept = tx
      throw new Error('undone')
    })
    .catch(() => {})
  await failure((kept as Transaction).learning.learn(learn('x')), 'TRANSACTION_ENDED')
})

test('a signal that has fired is seen before a call inside', async () => {
  await acme.transaction(async (tx) => {
    const signal = AbortSignal.abort()
    await failure(tx.learning.learn(learn('aborted'), { signal }), 'ABORTED')
    await failure(tx.memory.artifacts.list({ signal }), 'ABORTED')
    expect(await tx.memory.artifacts.list()).toEqual([])
  })
  expect(await known('aborted')).toBeUndefined()
})

test('more items than a statement holds are refused', async () => {
  await acme.transaction(async (tx) => {
    const lookups = Array.from({ length: 2001 }, (_, state) => ({ agentType: type, state }))
    await failure(tx.learning.best(lookups), 'INPUT_INVALID')
    expect(await tx.learning.best([])).toEqual([])
  })
})

test('read only refuses writes', async () => {
  const call = acme.transaction((tx) => tx.learning.learn(learn('read-only')), { readOnly: true })
  const error = await failure(call)
  expect(error.details).toMatchObject({ sqlstate: '25006' })
  expect(await acme.transaction((tx) => tx.learning.best(type, 'valid'), { readOnly: true })).toMatchObject({ q: 1 })
})

test.each([{ isolation: 'chaos' }, { readonly: true }, { durability: 'volatile' }])(
  '%j is refused',
  async (options) => {
    await failure(
      acme.transaction(async () => {}, options as never),
      'INPUT_INVALID',
    )
  },
)

test('durability async commits', async () => {
  await acme.transaction((tx) => tx.learning.learn(learn('async')), { durability: 'async' })
  expect(await known('async')).toBe(1)
})

test('the connection is clean for whoever comes next', async () => {
  await acme
    .transaction(async () => {
      throw new Error('undone')
    })
    .catch(() => {})
  await acme.transaction(async () => {}, { isolation: 'serializable', readOnly: true })
  expect(
    await sql(
      fleet,
      `select current_user::text <> 'pgfleet_app' as own_role, coalesce(current_setting('pgfleet.tenant', true), '') as tenant,
        current_setting('transaction_isolation') as isolation, current_setting('transaction_read_only') as read_only`,
    ),
  ).toEqual([{ own_role: true, tenant: '', isolation: 'read committed', read_only: 'off' }])
})

onEngines(['embedded'], 'a server has further connections for plain calls').describe('on one connection', () => {
  test('a plain call inside is refused instead of waiting for ever, and the transaction goes on', async () => {
    await acme.transaction(async (tx) => {
      await failure(acme.learning.best(type, 'x'), 'TRANSACTION_NESTED')
      await failure(acme.learning.agentTypes.list(), 'TRANSACTION_NESTED')
      await failure(fleet.tenants.list(), 'TRANSACTION_NESTED')
      await failure(
        fleet.tenant('other').transaction(async () => {}),
        'TRANSACTION_NESTED',
      )
      await tx.learning.learn(learn('nested'))
    })
    expect(await known('nested')).toBe(1)
  })

  test('plain calls of others wait until it has ended', async () => {
    let ended = false
    const transaction = acme.transaction(async (tx) => {
      await tx.learning.learn(learn('waited-for', 7))
      await new Promise((tick) => setTimeout(tick, 50))
      ended = true
    })
    const outside = known('waited-for').then((q) => [q, ended])
    await transaction
    expect(await outside).toEqual([7, true])
  })
})

onEngines(['direct', 'pooled'], 'the embedded engine has one connection').describe('beside others', () => {
  test('a plain call inside is another transaction', async () => {
    await acme.transaction(async (tx) => {
      await tx.learning.learn(learn('outside-cannot-see'))
      expect(await known('outside-cannot-see')).toBeUndefined()
    })
    expect(await known('outside-cannot-see')).toBe(1)
  })

  test.each([
    ['read committed', [1, 2]],
    ['repeatable read', [1, 1]],
    ['serializable', [1, 1]],
  ] as const)('%s sees %j of a value that another changes', async (isolation, expected) => {
    const state = `seen by ${isolation}`
    await acme.learning.learn(learn(state, 1))
    const seen = await acme.transaction(
      async (tx) => {
        const before = (await tx.learning.best(type, state))?.q
        await acme.learning.learn(learn(state, 2))
        return [before, (await tx.learning.best(type, state))?.q]
      },
      { isolation },
    )
    expect(seen).toEqual(expected)
  })

  test('two that cannot both be true: one is told to repeat', async () => {
    await acme.learning.learn([learn('left', 0), learn('right', 0)])
    let arrived = 0
    const both = (): Promise<void> =>
      new Promise((resolve) => {
        arrived++
        const wait = () => (arrived >= 2 ? resolve() : setTimeout(wait, 5))
        wait()
      })
    const swap = (read: string, write: string) =>
      acme.transaction(
        async (tx) => {
          const q = (await tx.learning.best(type, read))?.q ?? 0
          await both()
          await tx.learning.learn(learn(write, q + 1))
        },
        { isolation: 'serializable' },
      )
    const outcomes = await Promise.allSettled([swap('left', 'right'), swap('right', 'left')])
    const failed = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
    expect(failed).toHaveLength(1)
    expect(failed[0]).toMatchObject({ code: 'CONFLICT', retryable: true })
  })
})
