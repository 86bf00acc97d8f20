import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import pg from 'pg'
import { type FleetError, openFleet } from 'pgfleet'
import { v7 } from 'uuid'
import { describe, expect, test } from 'vitest'
import { afterFile, createTestDatabase, engine, failure, onEngines, sql } from '../setup/index.js'

const database = await createTestDatabase()
const fleet = await openFleet({ ...database.options, poolMax: 4 })
afterFile(() => fleet.close())
await fleet.tenants.create({ id: 'acme' })
const { learning } = fleet.tenant('acme')
/** How a call ends whose connection is lost. */
const LOSSES = ['CONNECTION_FAILED', 'OUTCOME_UNKNOWN']
const experience = { agentType: 'quality-gate', action: 'go', reward: 1 } as const

/** A function that raises the SQLSTATE for its first calls; a sequence counts, because it is not rolled back. */
async function failingFirst(
  calls: number,
  state: string,
  message = 'made to fail',
): Promise<{ name: string; text: string }> {
  const name = `fails_${state.toLowerCase()}_${calls}`
  await sql(
    fleet,
    `create sequence public.${name}_calls;
    create function public.${name}() returns bigint language plpgsql as $$
    declare v_call bigint := nextval('public.${name}_calls');
    begin
      if v_call <= ${calls} then raise exception '${message}' using errcode = '${state}'; end if;
      return v_call;
    end $$`,
  )
  return { name: `test.${name}`, text: `select public.${name}() as call` }
}

test.each(['40001', '40P01', '55P03'])(
  'a conflict (%s) is repeated by itself, also without idempotence',
  async (state) => {
    const statement = await failingFirst(3, state)
    expect(await fleet.database.run(statement, [])).toEqual([{ call: 4 }])
  },
)

test('a conflict without end is told, as one that may be repeated', async () => {
  const error = await failure(fleet.database.run(await failingFirst(100, '40001'), []), 'CONFLICT')
  expect(error.retryable).toBe(true)
  expect(await sql(fleet, 'select last_value::integer as calls from public.fails_40001_100_calls')).toEqual([
    { calls: 6 },
  ])
})

test('a lost connection is repeated when the call is idempotent, and only then', async () => {
  const statement = await failingFirst(2, '57P01')
  expect(await fleet.database.run(statement, [], { idempotent: true })).toEqual([{ call: 3 }])
  await failure(fleet.database.run(await failingFirst(1, '08006'), []), 'OUTCOME_UNKNOWN')
})

test('what is neither is not repeated', async () => {
  const error = await failure(
    fleet.database.run(await failingFirst(1, 'P0001'), [], { idempotent: true }),
    'DATABASE_ERROR',
  )
  expect(error.details).toEqual({ sqlstate: 'P0001' })
  expect((error.cause as Error).message).toBe('made to fail')
})

test('a result type that changed under a prepared statement is met with a fresh one', async () => {
  await learning.agentTypes.list()
  await fleet.tenant('acme').transaction((tx) => tx.learning.agentTypes.list())
  // The view depends on no column of this table, so its type can change.
  await sql(fleet, 'alter table learning.agent_types alter column category type varchar(60)')
  expect(await learning.agentTypes.list()).toHaveLength(18)
  await sql(fleet, 'alter table learning.agent_types alter column category type text')
  expect(
    (await Promise.all([learning.agentTypes.list(), learning.agentTypes.list()])).map((list) => list.length),
  ).toEqual([18, 18])
})

test('a function that is replaced under prepared statements goes on working', async () => {
  await learning.learn({ ...experience, state: 'replaced' })
  await sql(fleet, `update platform.routines set checksum = 'older' where path like 'learning/%'`)
  const { migrate } = await import('pgfleet')
  await migrate(fleet.database)
  expect((await learning.learn({ ...experience, state: 'replaced' })).visits).toBe(2)
})

onEngines(['direct'], 'a pooler ends the session instead, and the embedded engine knows no such time-out')(
  'a session that the server ends for a time-out is not given to the next caller',
  async () => {
    const single = await openFleet({ ...database.options, poolMax: 1 })
    afterFile(() => single.close())
    for (let round = 0; round < 20; round++) {
      const call = single.database.lend((connection) =>
        connection.query("begin; set local transaction_timeout = '20ms'; select pg_sleep(5)"),
      )
      expect((await failure(call)).details.sqlstate).toBe('25P04')
      // Not idempotent: sent over the ended session, its outcome would be unknown.
      expect(await single.database.run({ name: 'test.one', text: 'select 1 as one' }, [])).toEqual([{ one: 1 }])
    }
  },
)

onEngines(['direct', 'pooled'], 'the embedded engine has no second connection that could end the first').describe(
  'connections that end in the middle',
  () => {
    /**
     * Ends every connection of the fleet, again and again, until the work is done; where `answered` counts the calls that were, not
     * before another one was, since a call is repeated a few times only, and machines may be slow.
     */
    async function whileEnding<T>(
      work: () => Promise<T>,
      answered?: () => number,
    ): Promise<{ result: T; ended: number }> {
      const admin = new pg.Client({ connectionString: database.adminUrl() })
      await admin.connect()
      let ended = 0
      let done = false
      const ending = (async () => {
        while (!done) {
          const { rowCount } = await admin.query(
            `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
          )
          ended += rowCount ?? 0
          const before = answered?.()
          do await new Promise((tick) => setTimeout(tick, 150))
          while (!done && before !== undefined && answered?.() === before)
        }
      })()
      try {
        return { result: await work(), ended }
      } finally {
        done = true
        await ending
        await admin.end()
      }
    }

    test('lookups and experiences with an id all succeed, each applied once', async () => {
      let answered = 0
      const count = () => void answered++
      const { ended } = await whileEnding(
        async () => {
          for (let round = 0; round < 15; round++) {
            await Promise.all([
              ...Array.from({ length: 20 }, () =>
                learning.learn({ ...experience, state: 'with-id', id: v7() }).then(count),
              ),
              ...Array.from({ length: 20 }, () => learning.best('quality-gate', 'with-id').then(count)),
            ])
            await new Promise((tick) => setTimeout(tick, 50))
          }
        },
        () => answered,
      )
      expect(ended).toBeGreaterThan(0)
      expect((await learning.best('quality-gate', 'with-id'))?.visits).toBe(300)
    })

    test('experiences without an id succeed or leave the outcome unknown, and are applied at most once', async () => {
      const outcomes: PromiseSettledResult<unknown>[] = []
      const { ended } = await whileEnding(async () => {
        for (let round = 0; round < 15; round++) {
          const calls = Array.from({ length: 20 }, () => learning.learn({ ...experience, state: 'without-id' }))
          outcomes.push(...(await Promise.allSettled(calls)))
          await new Promise((tick) => setTimeout(tick, 50))
        }
      })
      expect(ended).toBeGreaterThan(0)
      const succeeded = outcomes.filter(({ status }) => status === 'fulfilled').length
      const codes = outcomes.flatMap((outcome) =>
        outcome.status === 'rejected' ? [(outcome.reason as FleetError).code] : [],
      )
      for (const code of codes) expect(LOSSES).toContain(code)
      const unknown = codes.filter((code) => code === 'OUTCOME_UNKNOWN').length
      const visits = (await learning.best('quality-gate', 'without-id'))?.visits ?? 0
      expect(visits).toBeGreaterThanOrEqual(succeeded)
      expect(visits).toBeLessThanOrEqual(succeeded + unknown)
    })

    test('a transaction whose connection ends before its commit is undone, and says so', async () => {
      let ended = 0
      const call = fleet.tenant('acme').transaction(async (tx) => {
        await tx.learning.learn({ ...experience, state: 'undone' })
        ended = (
          await whileEnding(async () => {
            await new Promise((tick) => setTimeout(tick, 200))
          })
        ).ended
        await tx.learning.learn({ ...experience, state: 'undone' })
      })
      const error = await failure(call)
      expect(ended).toBeGreaterThan(0)
      expect(error.code).toBe('CONNECTION_FAILED')
      expect(error.retryable).toBe(true)
      expect(await learning.best('quality-gate', 'undone')).toBeUndefined()
    })

    test('idle connections that end are replaced', async () => {
      await whileEnding(() => new Promise((tick) => setTimeout(tick, 300)))
      await new Promise((tick) => setTimeout(tick, 50))
      expect(await learning.agentTypes.list()).toHaveLength(18)
    })
  },
)

/** What a script prints, in a process of its own: an error that nobody listens to ends it, and this fails with its text. */
async function run(script: string, ...values: string[]): Promise<Record<string, unknown>> {
  const path = new URL(script, import.meta.url).pathname
  const { stdout } = await promisify(execFile)(process.execPath, [path, ...values], { timeout: 60_000 })
  return JSON.parse(stdout)
}

describe('a connection that is lost never ends the process:', () => {
  test('when it is over before it is used; the call was not sent, so it is repeated', async () => {
    expect(await run('./broken-server.mjs')).toEqual({ code: 'CONNECTION_FAILED', sessions: 6 })
  })

  onEngines(['direct', 'pooled'], 'the embedded engine has no second connection that could end the first')(
    'at any moment of any call',
    async () => {
      const made = await createTestDatabase()
      const report = await run('./lost-connections.mjs', made.options.url as string, made.adminUrl(), '5000')
      expect(report.ended).toBeGreaterThan(50)
      expect(report.calls).toBeGreaterThan(report.failed as number)
      for (const code of report.codes as string[]) expect(LOSSES).toContain(code)
    },
  )
})

onEngines(
  ['direct'],
  'the pooler lets a query end that its client has left; the embedded engine: embedded-directory.test.ts',
)('a statement that takes longer than callTimeoutMs has an unknown outcome, and its connection is gone', async () => {
  await using hasty = await openFleet({ ...database.options, callTimeoutMs: 400, poolMax: 1 })
  const startedAt = performance.now()
  const error = await failure(
    hasty.database.run({ name: 'test.slow', text: 'select pg_sleep(20)' }, []),
    'OUTCOME_UNKNOWN',
  )
  expect(performance.now() - startedAt).toBeLessThan(5000)
  expect(error.message).toMatch(/timeout/i)
  expect(await hasty.tenant('acme').learning.agentTypes.list()).toHaveLength(18)
})

onEngines(['direct', 'pooled'], 'each opening in memory is another database')(
  'without prepared statements everything works too',
  async () => {
    await using plain = await openFleet({ ...database.options, prepare: false })
    expect((await plain.tenant('acme').learning.learn({ ...experience, state: 'plain' })).visits).toBe(1)
    // A session of the pooler may hold those of other clients.
    const prepared = await sql(plain, 'select name from pg_prepared_statements')
    if (engine === 'direct') expect(prepared).toEqual([])
  },
)
