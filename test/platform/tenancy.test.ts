import { expect, test } from 'vitest'
import { openTestFleet, sql } from '../setup/index.js'
import { findBreaches, RULES } from './tenancy-rules.js'

const fleet = await openTestFleet()
// Partitions of this month, so that they are walked too.
await sql(
  fleet,
  `select platform.ensure_partition(r.schema_name, r.table_name, platform.uuid_floor(now())) from platform.partitioned_tables r`,
)

/** What the walk finds after some statements, which are rolled back. */
function breachesAfter(statements: string): Promise<string[]> {
  return fleet.database.lend(async (connection) => {
    await connection.query('begin')
    try {
      await connection.query(statements)
      return await findBreaches(async (text) => (await connection.query<Record<string, string>>(text)).rows)
    } finally {
      await connection.query('rollback')
    }
  })
}

test('the schema breaks no rule of tenancy', async () => {
  expect(await breachesAfter('select 1')).toEqual([])
})

test('the walk reaches every table, partition, view and function of the schema', async () => {
  const [walked] = await sql<Record<string, number>>(
    fleet,
    `select
      count(*) filter (where c.relkind in ('r', 'p') and not c.relispartition)::integer as tables,
      count(*) filter (where c.relispartition)::integer as partitions,
      count(*) filter (where c.relkind = 'v')::integer as views
    from pg_class c where c.relnamespace::regnamespace::text in ('platform', 'learning')`,
  )
  expect(walked?.tables).toBeGreaterThanOrEqual(16)
  expect(walked?.partitions).toBeGreaterThanOrEqual(3)
  expect(walked?.views).toBeGreaterThanOrEqual(1)
})

const GOOD_TABLE = `
  set local role pgfleet_owner;
  create table learning.bad (tenant_id text collate "C" not null, id uuid not null, constraint bad_pkey primary key (tenant_id, id));
  alter table learning.bad enable row level security;
  alter table learning.bad force row level security;
  create policy tenant_isolation on learning.bad using (tenant_id = current_setting('pgfleet.tenant', true)) with check (tenant_id = current_setting('pgfleet.tenant', true));
  grant select, insert, update, delete on learning.bad to pgfleet_app;`

const FUNCTION = (more: string, language = 'plpgsql') => `
  set local role pgfleet_owner;
  create function learning.bad(p_tenant text) returns void language ${language} ${more};
  revoke all on function learning.bad(text) from public;`

test('a table that keeps the rules is no breach', async () => {
  expect(await breachesAfter(GOOD_TABLE)).toEqual([])
})

// Each breaks one rule, in the way that a careless migration would.
const BAD: readonly (readonly [what: string, statements: string, breach: RegExp])[] = [
  [
    'no row-level security',
    `${GOOD_TABLE} alter table learning.bad disable row level security`,
    /learning\.bad has no row-level/,
  ],
  ['not forced', `${GOOD_TABLE} alter table learning.bad no force row level security`, /learning\.bad does not force/],
  ['no policy', `${GOOD_TABLE} drop policy tenant_isolation on learning.bad`, /no tenant policy for DELETE/],
  [
    'a policy for reading only',
    `${GOOD_TABLE} drop policy tenant_isolation on learning.bad; create policy p on learning.bad for select using (tenant_id = current_setting('pgfleet.tenant', true))`,
    /no tenant policy for INSERT/,
  ],
  [
    'a second, open policy',
    `${GOOD_TABLE} create policy p on learning.bad for select using (true)`,
    /lets rows .* learning\.bad p public/,
  ],
  [
    'a policy that is open when no tenant is set',
    `${GOOD_TABLE} create policy p on learning.bad using (tenant_id = coalesce(current_setting('pgfleet.tenant', true), tenant_id))`,
    /lets rows .* learning\.bad p public/,
  ],
  [
    'a key without the tenant',
    `${GOOD_TABLE} alter table learning.bad add constraint bad_id_unique unique (id)`,
    /bad_id_unique does not begin with tenant_id/,
  ],
  [
    'a unique index without the tenant',
    `${GOOD_TABLE} create unique index bad_id on learning.bad (id)`,
    /bad_id does not begin/,
  ],
  [
    'no primary key',
    `${GOOD_TABLE} alter table learning.bad drop constraint bad_pkey`,
    /learning\.bad has no primary key/,
  ],
  [
    'a foreign key without the tenant',
    `${GOOD_TABLE} alter table learning.bad add column agent_type text collate "C", add constraint bad_fkey foreign key (agent_type) references learning.agent_type_defaults`,
    /bad_fkey does not pair/,
  ],
  [
    'a foreign key that sets null',
    `${GOOD_TABLE} alter table learning.bad add column agent_type text collate "C", add constraint bad_fkey foreign key (tenant_id, agent_type) references learning.agent_types on delete set null`,
    /bad_fkey sets columns/,
  ],
  [
    'a nullable tenant',
    `${GOOD_TABLE} alter table learning.bad drop constraint bad_pkey; alter table learning.bad alter tenant_id drop not null`,
    /tenant_id is text collate C null/,
  ],
  [
    'another type',
    `set local role pgfleet_owner; create table learning.bad (tenant_id integer not null)`,
    /tenant_id is integer/,
  ],
  [
    'no tenant at all',
    `set local role pgfleet_owner; create table learning.bad (id uuid primary key)`,
    /learning\.bad has no tenant_id/,
  ],
  [
    'a shared table that is written',
    'grant insert on learning.agent_type_defaults to pgfleet_app',
    /is shared, yet grants INSERT/,
  ],
  ['truncate for the app', 'grant truncate on learning.q_values to pgfleet_app', /q_values pgfleet_app TRUNCATE/],
  [
    'tenant rows for the monitor',
    'grant select on learning.q_values to pgfleet_monitor',
    /q_values pgfleet_monitor SELECT/,
  ],
  ['a column for everyone', 'grant select (q) on learning.q_values to public', /q_values public SELECT/],
  [
    'a partition with a grant',
    `do $$ begin execute format('grant select on %s to pgfleet_app', (select inhrelid::regclass from pg_inherits where inhparent = 'learning.trajectories'::regclass limit 1)); end $$`,
    /trajectories_p\d{6} grants SELECT to pgfleet_app/,
  ],
  [
    'a partition without row-level security',
    `do $$ begin execute format('alter table %s disable row level security', (select inhrelid::regclass from pg_inherits where inhparent = 'learning.rewards'::regclass limit 1)); end $$`,
    /rewards_p\d{6} has no row-level/,
  ],
  [
    'a partition made by hand',
    `set local role pgfleet_owner; create table learning.trajectories_by_hand partition of learning.trajectories for values from ('00000000-0000-7000-8000-000000000000') to ('00000000-0001-7000-8000-000000000000')`,
    /trajectories_by_hand has no row-level/,
  ],
  [
    'a view with the rights of its owner',
    'set local role pgfleet_owner; create view learning.bad as select * from learning.q_values',
    /learning\.bad is not security_invoker/,
  ],
  [
    'a view of a superuser',
    'create view learning.bad with (security_invoker = true) as select 1 as one',
    /learning\.bad belongs to postgres/,
  ],
  [
    'a materialised view',
    'set local role pgfleet_owner; create materialized view learning.bad as select 1 as one',
    /learning\.bad is materialised/,
  ],
  [
    'a trigger',
    `${FUNCTION('as $$ begin end $$')} create function learning.bad_trigger() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$ begin return new; end $$; create trigger t before insert on learning.sessions for each row execute function learning.bad_trigger()`,
    /learning\.sessions has trigger t/,
  ],
  ['a rule', 'create rule r as on delete to learning.sessions do instead nothing', /learning\.sessions has rule r/],
  [
    'a definer function',
    FUNCTION('security definer set search_path = pg_catalog, pg_temp as $$ begin end $$'),
    /learning\.bad\(text\) runs as pgfleet_owner/,
  ],
  [
    'a function of a superuser',
    `${FUNCTION('set search_path = pg_catalog, pg_temp as $$ begin end $$')} reset role; alter function learning.bad(text) owner to postgres`,
    /learning\.bad\(text\) runs as postgres/,
  ],
  [
    'a listed definer of another owner',
    'alter function learning.find_patterns(jsonb) owner to postgres',
    /find_patterns\(jsonb\) runs as postgres/,
  ],
  ['a function without search_path', FUNCTION('as $$ begin end $$'), /learning\.bad\(text\) has no search_path/],
  [
    'a search_path that begins with public',
    FUNCTION('set search_path = public, pg_catalog as $$ begin end $$'),
    /learning\.bad\(text\) has search_path=public/,
  ],
  [
    'a function for everyone',
    `${FUNCTION('set search_path = pg_catalog, pg_temp as $$ begin end $$')} grant execute on function learning.bad(text) to public`,
    /may be executed by public/,
  ],
  [
    'a new function, not revoked',
    `set local role pgfleet_owner; create function learning.bad() returns void language plpgsql set search_path = pg_catalog, pg_temp as $$ begin end $$`,
    /learning\.bad\(\) may be executed by public/,
  ],
  [
    'an SQL function that enters',
    FUNCTION('set search_path = pg_catalog, pg_temp as $$ select platform.enter(p_tenant) $$', 'sql'),
    /is LANGUAGE SQL and calls platform\.enter/,
  ],
  ['a schema of somebody', 'create schema stray', /stray belongs to postgres/],
  ['a schema open to all', 'grant usage on schema learning to public', /learning grants USAGE to public/],
  ['an app above row-level security', 'alter role pgfleet_app bypassrls', /pgfleet_app is a superuser, logs in/],
  ['an app that logs in', 'alter role pgfleet_app login', /pgfleet_app is a superuser, logs in/],
  ['an app that is an owner', 'grant pgfleet_owner to pgfleet_app', /pgfleet_app is a member of pgfleet_owner/],
]

test.each(BAD)('the walk finds %s', async (_what, statements, breach) => {
  const breaches = await breachesAfter(statements)
  expect(breaches.join('\n')).toMatch(breach)
})

test('every rule has been seen to fail', async () => {
  const seen = new Set<string>()
  for (const [, statements] of BAD) {
    for (const breach of await breachesAfter(statements)) seen.add(breach.slice(0, breach.lastIndexOf(': ')))
  }
  const broken = Object.keys(RULES).filter((rule) => [...seen].some((line) => line.startsWith(rule)))
  expect(Object.keys(RULES).filter((rule) => !broken.includes(rule))).toEqual([])
})
