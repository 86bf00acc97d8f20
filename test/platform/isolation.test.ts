import pg from 'pg'
import { openFleet } from 'pgfleet'
import { describe, expect, test } from 'vitest'
import {
  afterFile,
  bootstrap,
  createLogin,
  createTestDatabase,
  engine,
  failure,
  onEngines,
  sql,
} from '../setup/index.js'
import { insertOf, type Query, seed, type TenantRelation, tenantRelations } from './sample-rows.js'

const NO_LOGINS = 'the embedded engine has one login, a superuser'

const logins =
  engine === 'embedded'
    ? undefined
    : {
        owner: await createLogin(),
        app: await createLogin({ memberOf: ['pgfleet_app'] }),
      }
const database = await createTestDatabase()
if (logins !== undefined) await bootstrap(database, logins.owner)
const fleet = await openFleet(database.options)
afterFile(() => fleet.close())
for (const id of ['a', 'b', 'empty']) await fleet.tenants.create({ id })
const asSuperuser: Query = async (text, values = []) => {
  const rows = await sql<Record<string, unknown>>(fleet, text, values)
  return { rows, rowCount: rows.length }
}
await seed(asSuperuser, ['a', 'b'])
const relations = await tenantRelations(asSuperuser)

/** Lends a connection of a login, through the engine of this run. */
async function as(login: 'superuser' | 'owner' | 'app', work: (query: Query) => Promise<void>): Promise<void> {
  if (login === 'superuser') {
    await fleet.database.lend((connection) => work((text, values = []) => connection.query(text, [...values])))
    return
  }
  if (logins === undefined) throw new Error(NO_LOGINS)
  const client = new pg.Client({ connectionString: database.urlOf(logins[login]) })
  await client.connect()
  try {
    await work((text, values = []) => client.query(text, [...values]))
  } finally {
    await client.end()
  }
}

/** The SQLSTATE of a statement that is tried behind a savepoint, or how many rows it met; then it is undone. */
async function tried(query: Query, text: string, values: readonly unknown[] = []): Promise<string | number> {
  await query('savepoint trial')
  const outcome = await query(text, values).then(
    ({ rowCount }) => rowCount ?? 0,
    (error: { code?: string }) => error.code ?? 'no SQLSTATE',
  )
  await query('rollback to trial')
  return outcome
}

async function inTransaction(query: Query, work: () => Promise<void>): Promise<void> {
  await query('begin')
  try {
    await work()
  } finally {
    await query('rollback')
  }
}

/** What a tenant's transaction can do to another tenant's rows of a relation: it must be nothing. */
async function reachOf(query: Query, { name, kind }: TenantRelation): Promise<Record<string, string | number>> {
  const reads = {
    read: await tried(query, `select 1 from ${name} where tenant_id = 'b'`),
    'read all but mine': await tried(query, `select 1 from ${name} where tenant_id <> 'a'`),
  }
  if (kind === 'view') return reads
  return {
    ...reads,
    lock: await tried(query, `select 1 from ${name} where tenant_id = 'b' for update`),
    update: await tried(query, `update ${name} set tenant_id = tenant_id where tenant_id = 'b'`),
    delete: await tried(query, `delete from ${name} where tenant_id = 'b'`),
    'give away': await tried(query, `update ${name} set tenant_id = 'b' where tenant_id = 'a'`),
    insert: await tried(query, await insertOf(query, name), ['b']),
  }
}

const DENIED = '42501'

test('the statements of a tenant are not compiled, which would take longer than they do', async () => {
  await as('superuser', (query) =>
    inTransaction(query, async () => {
      await query('set local jit = on')
      await query(`select platform.enter('a')`)
      expect((await query('show jit')).rows).toEqual([{ jit: 'off' }])
    }),
  )
})

test('the seed gave every table a row of both tenants', async () => {
  for (const { name } of relations.filter(({ kind }) => kind === 'table')) {
    const rows = await sql(fleet, `select distinct tenant_id from ${name} where tenant_id in ('a', 'b')`)
    expect(rows, name).toHaveLength(2)
  }
  expect(relations.filter(({ kind }) => kind === 'table').length).toBeGreaterThanOrEqual(14)
  expect(relations.filter(({ kind }) => kind === 'partition').length).toBeGreaterThanOrEqual(3)
})

function isolatesLogin(login: 'superuser' | 'owner' | 'app') {
  test('inside a, no row of b can be read, locked, changed, deleted, made or given', async () => {
    await as(login, (query) =>
      inTransaction(query, async () => {
        await query(`select platform.enter('a')`)
        for (const relation of relations) {
          const reach = await reachOf(query, relation)
          for (const [what, outcome] of Object.entries(reach)) {
            const harmless =
              ['insert', 'give away'].includes(what) || relation.kind === 'partition' ? [DENIED] : [DENIED, 0]
            expect(harmless, `${what} ${relation.name}`).toContain(outcome)
          }
        }
      }),
    )
  })

  test('inside a, its own rows can be read', async () => {
    await as(login, (query) =>
      inTransaction(query, async () => {
        await query(`select platform.enter('a')`)
        for (const { name, kind } of relations) {
          const outcome = await tried(query, `select 1 from ${name} where tenant_id = 'a'`)
          if (kind === 'partition') expect(outcome, name).toBe(DENIED)
          else expect(outcome, name).toBeGreaterThan(0)
        }
      }),
    )
  })

  test('a delete without a condition leaves the rows of b', async () => {
    await as(login, (query) =>
      inTransaction(query, async () => {
        await query(`select platform.enter('a')`)
        await query('delete from learning.q_values')
        await query('reset role')
        await query(`select set_config('pgfleet.tenant', 'b', true)`)
        // Read back as the app, which every login may be.
        await query('set local role pgfleet_app')
        expect(await tried(query, 'select 1 from learning.q_values')).toBe(1)
      }),
    )
  })

  test('a failed statement and a rolled back savepoint leave the tenant as it was', async () => {
    await as(login, (query) =>
      inTransaction(query, async () => {
        await query(`select platform.enter('a')`)
        expect(await tried(query, 'select 1 / 0')).toBe('22012')
        expect(await tried(query, `select platform.enter('b')`)).toBe('PF003')
        expect(await tried(query, `select 1 from learning.q_values where tenant_id = 'b'`)).toBe(0)
        const { rows } = await query(
          `select current_user::text as role, current_setting('pgfleet.tenant', true) as tenant`,
        )
        expect(rows).toEqual([{ role: 'pgfleet_app', tenant: 'a' }])
      }),
    )
  })

  test.each(['commit', 'rollback'])('after a %s neither tenant nor role remain', async (end) => {
    await as(login, async (query) => {
      const who = `select current_user::text as role, coalesce(current_setting('pgfleet.tenant', true), '') as tenant`
      const before = (await query(who)).rows
      await query('begin')
      await query(`select platform.enter('a')`)
      await query(end)
      expect((await query(who)).rows).toEqual(before)
      expect(before).toMatchObject([{ tenant: '' }])
    })
  })

  test.each([
    ['empty', '', 'PF001'],
    ['null', null, 'PF001'],
    ['a blank', ' ', 'PF001'],
    ['upper case', 'A', 'PF001'],
    ['too long', 'a'.repeat(64), 'PF001'],
    ['a second line', 'a\nb', 'PF001'],
    ['a line break at the end', 'a\n', 'PF001'],
    ['a pattern', 'a%', 'PF001'],
    ['a quote', `a' or '1' = '1`, 'PF001'],
    ['a statement', `a'; drop table learning.q_values; --`, 'PF001'],
    ['a role', `a", role = "postgres`, 'PF001'],
    ['unknown', 'nobody', 'PF002'],
    ['a second one', 'b', 'PF003'],
  ])('entering %s is refused', async (what, tenant, state) => {
    await as(login, (query) =>
      inTransaction(query, async () => {
        if (what === 'a second one') await query(`select platform.enter('a')`)
        expect(await tried(query, 'select platform.enter($1::text)', [tenant])).toBe(state)
      }),
    )
  })

  test('no function works for a second tenant', async () => {
    const { rows } = await asSuperuser(`
      select p.oid::regprocedure::text as name,
        format('select * from %s.%s(''b''%s)', p.pronamespace::regnamespace, p.proname,
          (select string_agg(format(', null::%s', format_type(t.type, null)), '' order by t.place)
           from unnest(p.proargtypes) with ordinality as t(type, place) where t.place > 1)) as call
      from pg_proc p join pg_namespace n on n.oid = p.pronamespace and n.nspowner = 'pgfleet_owner'::regrole
      where p.proargnames[1] = 'p_tenant' and p.provolatile = 'v'`)
    expect(rows.length).toBeGreaterThanOrEqual(12)
    await as(login, (query) =>
      inTransaction(query, async () => {
        await query(`select platform.enter('a')`)
        for (const { name, call } of rows) {
          expect(['PF003', DENIED], String(name)).toContain(await tried(query, String(call)))
        }
      }),
    )
  })
}

describe('logged in as superuser', () => isolatesLogin('superuser'))
onEngines(['direct', 'pooled'], NO_LOGINS).describe('logged in as owner', () => isolatesLogin('owner'))
onEngines(['direct', 'pooled'], NO_LOGINS).describe('logged in as app', () => isolatesLogin('app'))

onEngines(['direct', 'pooled'], NO_LOGINS).describe('without a tenant', () => {
  test.each(['owner', 'app'] as const)('%s sees and changes no tenant row', async (login) => {
    await as(login, (query) =>
      inTransaction(query, async () => {
        for (const { name, kind } of relations) {
          // The owner administers tenants, and empties the log of changes.
          if (
            login === 'owner' &&
            ([
              'platform.tenants',
              'platform.legal_holds',
              'platform.retention_policies',
              'platform.erasures',
              'learning.patterns',
              'learning.pattern_effectiveness',
            ].includes(name) ||
              /^metadata\.changes_s\d$/.test(name))
          )
            continue
          expect([0, DENIED], `read ${name}`).toContain(await tried(query, `select 1 from ${name}`))
          if (kind === 'view') continue
          expect([0, DENIED], `delete ${name}`).toContain(await tried(query, `delete from ${name}`))
          expect(await tried(query, await insertOf(query, name), ['a']), `insert ${name}`).toBe(DENIED)
        }
      }),
    )
  })

  test('the login that migrates reads no patterns without a tenant', async () => {
    await as('owner', (query) =>
      inTransaction(query, async () => {
        expect(await tried(query, 'select 1 from learning.patterns')).toBe(0)
      }),
    )
  })
})

test('the search that runs above the policy finds the patterns of its tenant alone, and nothing without one', async () => {
  const search = `select patterns::text from learning.find_patterns('[{"name": "some"}]'::jsonb)`
  await as('superuser', (query) =>
    inTransaction(query, async () => {
      expect(await tried(query, search)).toBe('PF001')
      await query(`select platform.enter('a')`)
      const { rows } = await query(search)
      const mine = await query('select pattern_id from learning.patterns')
      expect(mine.rowCount).toBe(1)
      expect(JSON.parse(String(rows[0]?.patterns))).toHaveLength(1)
      expect(String(rows[0]?.patterns)).toContain(String(mine.rows[0]?.pattern_id))
    }),
  )
})

describe('through the library', () => {
  test('what the schema refuses has a code', async () => {
    expect(() => fleet.tenant('')).toThrow(expect.objectContaining({ code: 'TENANT_INVALID', field: 'tenant' }))
    expect(() => fleet.tenant(null as unknown as string)).toThrow(expect.objectContaining({ code: 'TENANT_INVALID' }))
    expect(() => fleet.tenant(`a' or '1' = '1`)).toThrow(expect.objectContaining({ code: 'TENANT_INVALID' }))
    await failure(fleet.tenant('nobody').learning.best('test-generator', 1), 'TENANT_UNKNOWN')
    await failure(fleet.tenant('nobody').learning.agentTypes.list(), 'TENANT_UNKNOWN')
    await failure(
      fleet.tenant('nobody').transaction(async () => {}),
      'TENANT_UNKNOWN',
    )
    const both = { name: 'test.enter_both', text: 'select platform.enter($1::text)' }
    await failure(fleet.database.runAs('a', both, ['b']), 'TENANT_MISMATCH')
    await failure(fleet.database.run(both, ['']), 'TENANT_INVALID')
  })

  test('a lookup finds what its own tenant learned', async () => {
    const learn = (id: string, reward: number) =>
      fleet
        .tenant(id)
        .learning.learn({ agentType: 'test-generator', state: 'shared', action: 'act', reward, learningRate: 1 })
    await Promise.all([learn('a', 1), learn('b', 2)])
    const q = async (id: string) => (await fleet.tenant(id).learning.best('test-generator', 'shared'))?.q
    expect(await Promise.all([q('a'), q('b'), q('empty')])).toEqual([1, 2, undefined])
  })
})
