// biome-ignore-all lint/suspicious/noTemplateCurlyInString: programs that are linted, as texts
import { expect, test } from 'vitest'
import { nodesOf } from '../../dist/explain/plan.js'
import { explain } from '../../dist/explain/run.js'
import { systemColumns } from '../../dist/lint/catalog/catalog.js'
import { withDatabaseKnowledge } from '../../dist/lint/catalog/database.js'
import { lint } from '../../dist/lint/lint.js'
import { knownSetting } from '../../dist/lint/settings/known-setting.js'
import { Source } from '../../dist/lint/source.js'
import { loadParser } from '../../dist/lint/sql/parser.js'
import { failure, openTestFleet, sql } from '../setup/index.js'

const fleet = await openTestFleet()
await loadParser()
await sql(fleet, 'create schema shop')
await sql(
  fleet,
  `create table shop.orders (id bigserial, at timestamptz not null, email text, total numeric(12, 2) default 0,
    double numeric generated always as (total * 2) stored, primary key (at, id)) partition by range (at)`,
)
await sql(fleet, `create table shop.orders_1 partition of shop.orders for values from ('2025-01-01') to ('2025-02-01')`)
await sql(fleet, 'create index orders_email on shop.orders (email)')
await sql(fleet, 'alter table shop.orders enable row level security')
await sql(fleet, `create function shop.fresh(t timestamptz) returns boolean language sql stable as 'select true'`)

const read = () =>
  fleet.database.lend((connection) =>
    withDatabaseKnowledge(connection, async ({ catalog, version }) => ({ catalog, version })),
  )
const findings = async (text: string) => {
  const { catalog, version } = await read()
  return (await lint([new Source('a.sql', 'sql', text)], { version, catalog })).findings.map(
    ({ finding }) => finding.rule,
  )
}

test('the catalogue of a database is read: columns, keys, indexes, partitions, policies, functions', async () => {
  const { catalog, version } = await read()
  expect(version).toBeGreaterThanOrEqual(15)
  const orders = catalog.find('shop', 'orders')
  expect(orders).toMatchObject({ partitionKey: ['at'], rowSecurity: true, forced: false, complete: true })
  expect(orders?.columns.get('total')).toMatchObject({
    type: 'numeric',
    modifiers: [12, 2],
    hasDefault: true,
    generated: false,
  })
  expect(orders?.columns.get('id')).toMatchObject({ type: 'int8', serial: true, notNull: true })
  expect(orders?.columns.get('double')).toMatchObject({ generated: true })
  expect(orders?.indexes.map(({ name, columns, unique }) => [name, columns, unique])).toEqual([
    ['orders_email', ['email'], false],
    ['orders_pkey', ['at', 'id'], true],
  ])
  expect(catalog.find('shop', 'orders_1')).toMatchObject({ partitionOf: 'orders' })
  expect(catalog.volatilities.get('fresh')).toBe('s')
  expect(catalog.find('learning', 'q_values')).toMatchObject({ rowSecurity: true, forced: true })
})

test('rules see with it what they cannot see without', async () => {
  expect(await findings('select id from shop.orders where lower(email) = $1 and at > $2')).toContain(
    'unindexable-condition',
  )
  expect(await findings('select id from shop.orders where email = $1')).toContain('partition-key-missing')
  expect(await findings('create index i on shop.orders (id) where shop.fresh(at)')).toContain('volatile-index')
  expect(await findings('alter table shop.orders add constraint u unique (email)')).toContain(
    'unique-without-partition-key',
  )
  expect(await findings('select id from shop.orders where email = $1 and at > $2')).toEqual([])
})

test('the database is asked whether it takes each statement, and runs none', async () => {
  const refusals = (text: string, path = 'a.sql') =>
    fleet.database.lend((connection) =>
      withDatabaseKnowledge(connection, async (database) => {
        const { findings: all } = await lint([new Source(path, path.endsWith('ts') ? 'ts' : 'sql', text)], database)
        return all.filter(({ finding }) => finding.rule === 'statement-refused').map(({ finding }) => finding)
      }),
    )
  expect(await refusals('select id from shop.orders where at > $1;\nselect recall_at_10(1);')).toMatchObject([
    { line: 2, column: 8, message: expect.stringContaining('recall_at_10') },
  ])
  expect(await refusals('await client.query(`select nothing from shop.orders`)', 'a.ts')).toMatchObject([
    { line: 1, column: 28 },
  ])
  expect(
    await refusals(
      'create table later (x int); select x from later; alter table shop.orders add column n int; select n from shop.orders;',
    ),
  ).toEqual([])
  expect(await refusals('await sql`select id from ${table}`', 'a.ts')).toEqual([])
  expect(
    await refusals('delete from shop.orders where at > now(); insert into shop.orders (at) values (now())'),
  ).toEqual([])
  expect(await sql(fleet, 'select count(*)::int as n from shop.orders')).toEqual([{ n: 0 }])
})

test('what is known of this major is what its server says', async () => {
  const { version } = await read()
  const settings = await sql<{ name: string; min_val: string | null; max_val: string | null; unit: string | null }>(
    fleet,
    `select name, min_val, max_val, unit from pg_settings where category not in ('Preset Options', 'Customized Options') and name !~ '[.]'`,
  )
  for (const { name, min_val, max_val, unit } of settings) {
    const known = knownSetting(name, version)
    expect(known?.name, name).toBe(name)
    // The embedded engine is one of 32 bits, whose limits are smaller.
    if (fleet.database.isEmbedded) continue
    expect([known?.unit, known?.min, known?.max], name).toEqual([
      unit ?? '',
      Number(min_val ?? ''),
      Number(max_val ?? ''),
    ])
  }
  const views = await sql<{ name: string; columns: string[] }>(
    fleet,
    `select c.relname as name, array_agg(a.attname::text order by a.attname) as columns from pg_class c join pg_attribute a on a.attrelid = c.oid
     where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind in ('r', 'v') and a.attnum > 0 and not a.attisdropped group by c.relname`,
  )
  for (const { name, columns } of views)
    expect([...(systemColumns(name, version) ?? [])].sort(), name).toEqual([...columns].sort())
})

const run = (text: string, options = {}) => fleet.database.lend((connection) => explain(connection, text, options))

test('a statement is explained, run when asked, and leaves nothing behind', async () => {
  const estimated = await run('select * from shop.orders where at = $1::timestamptz').catch((error: unknown) => error)
  expect(estimated).toBeDefined()
  const plan = await run('select count(*) from learning.q_values', { analyze: true })
  expect(plan.executionMs).toBeGreaterThan(0)
  expect(nodesOf(plan).some(({ actual }) => actual !== undefined)).toBe(true)
  await run("insert into shop.orders (at, email) values ('2025-01-02', 'x')", { analyze: true, write: true })
  expect(await sql(fleet, 'select count(*)::int as n from shop.orders')).toEqual([{ n: 0 }])
})

test('without leave to write nothing is written, and one statement is one', async () => {
  const error = await run("insert into shop.orders (at, email) values ('2025-01-02', 'x')", { analyze: true }).catch(
    (cause: Error) => cause,
  )
  expect(String((error as Error).message)).toMatch(/read-only transaction/)
  for (const text of ['select 1; commit; drop schema shop', 'commit', 'selec 1', '', 'create table x (a int)']) {
    expect((await failure(run(text, { analyze: true, write: true }), 'INPUT_INVALID')).message).toMatch(/\S/)
  }
  expect(await sql(fleet, `select count(*)::int as n from pg_namespace where nspname = 'shop'`)).toEqual([{ n: 1 }])
})

test('a setting is held against what the server of the url was built with', async () => {
  const { catalog, version } = await read()
  const [row] = await sql<{ values: string[] }>(
    fleet,
    `select enumvals as values from pg_settings where name = 'default_toast_compression'`,
  )
  const built = row?.values ?? []
  expect(catalog.choices.get('default_toast_compression')).toEqual(built)
  const told = async (value: string, choices: readonly string[]) => {
    catalog.choices.set('default_toast_compression', choices)
    const source = new Source('postgresql.conf', 'postgresql.conf', `default_toast_compression = ${value}\n`)
    return (await lint([source], { version, catalog })).findings.map(
      ({ finding }) => `${finding.rule}: ${finding.message}`,
    )
  }
  for (const value of built) expect(await told(value, built)).toEqual([])
  expect(await told('lz4', ['pglz'])).toEqual([
    'setting-value: default_toast_compression: "lz4" is none of pglz, which this server was built with',
  ])
})
