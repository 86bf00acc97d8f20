// The rules that keep tenants apart, each a query over the catalog that returns what breaks it. They walk whatever lies
// in a schema of ours, so that a table that is added tomorrow is judged without anybody thinking of it. What may break a
// rule is listed here, with the reason.

/** Definer functions, by the role they run as. */
export const DEFINERS: Readonly<Record<string, { owner: string; reason: string }>> = {
  'platform.ensure_partition(text,text,uuid,text)': {
    owner: 'pgfleet_owner',
    reason: 'a tenant may not create tables; reads and writes no tenant row',
  },
  ...Object.fromEntries(
    [
      ['acquire_maintenance_lease(text,integer)', 'the lease is written by functions alone; no tenant row'],
      ['renew_maintenance_lease(bigint,integer)', 'the lease is written by functions alone; no tenant row'],
      ['release_maintenance_lease(bigint)', 'the lease is written by functions alone; no tenant row'],
      ['begin_maintenance_batch(bigint,integer,integer)', 'locks the lease; no tenant row'],
      ['start_maintenance_run(bigint,uuid,text,boolean)', 'the record of runs; no tenant row'],
      ['note_maintenance_run(bigint,uuid,jsonb,text)', 'the record of runs; no tenant row'],
      ['end_maintenance_run(bigint,uuid,text,jsonb,text,text)', 'the record of runs; no tenant row'],
      ['forget_maintenance_runs(interval,integer)', 'the record of runs; no tenant row'],
      ['list_maintained_tenants(text,integer)', 'ids of tenants, no rows of theirs'],
      ['may_retire(text)', 'whether a legal hold stands, no rows of the tenant'],
      ['create_partition_ahead(text,text,timestamptz)', 'the operator may not create tables; reads no tenant row'],
      ['find_missing_partitions(timestamptz,integer)', 'names of partitions that are not there'],
      ['find_retired_partitions()', 'names and sizes of partitions; counts tenants with a policy'],
      ['find_row_retention()', 'names of tables for which there is a policy'],
      [
        'drop_retired_partition(text,text,text,boolean)',
        'the operator may not drop tables; asks whether a tenant has a row, and drops what none keeps',
      ],
      [
        'delete_retired_rows(text,text,text,integer)',
        'the app may not delete from logs; carries the tenant predicate itself, and refuses under a legal hold',
      ],
      ['analyze_partitioned_table(text,text)', 'the operator may not analyse; returns nothing'],
      ['set_autovacuum(text,text,integer,doubleprecision)', 'the operator may not alter tables; reads no tenant row'],
      [
        'append_metric_snapshot(text,uuid,integer,interval,boolean,timestamptz,jsonb,jsonb,integer[],doubleprecision[],jsonb,doubleprecision[])',
        'the history of a monitor is written by functions alone; no tenant row',
      ],
      ['save_open_alerts(text,jsonb)', 'the alerts that a monitor has told; no tenant row'],
      ['release_metric_source(text,uuid)', 'the lease of a monitor; no tenant row'],
      ['begin_tuning_trial(uuid,text,jsonb,integer)', 'the record of trials; no tenant row'],
      ['hold_tuning_trial(uuid,bigint,text,integer)', 'the record of trials; no tenant row'],
      ['end_tuning_trial(uuid,bigint,jsonb)', 'the record of trials; no tenant row'],
      ['claim_tuning_trial(text,integer)', 'the record of trials; no tenant row'],
      ['undo_tuning_trial(uuid)', 'the record of trials; no tenant row'],
      ['forget_tuning_trials(interval,integer)', 'the record of trials; no tenant row'],
      ['drop_leftover_index(text,text)', 'the operator may not drop indexes; invalid ones of a name alone'],
    ].map(([name, reason]) => [
      `platform.${name?.replace('timestamptz', 'timestampwithtimezone')}`,
      { owner: 'pgfleet_owner', reason: reason as string },
    ]),
  ),
  'metadata.empty_change_slot()': {
    owner: 'pgfleet_owner',
    reason: 'a tenant may not truncate tables; takes no argument, and tells of no row',
  },
  'learning.find_patterns(jsonb)': {
    owner: 'pgfleet_search',
    reason: 'the trigram index; carries the tenant predicate itself, and refuses without a tenant',
  },
  'memory.find_entities(jsonb)': {
    owner: 'pgfleet_search',
    reason: 'the text and trigram indexes; carries the tenant predicate itself, and refuses without a tenant',
  },
  'memory.match_texts(integer,text,text,text,integer)': {
    owner: 'pgfleet_search',
    reason:
      'the full-text index; carries the tenant predicate itself, refuses without a tenant, and may read keys and words only',
  },
  'delivery.find_workflows(text,text[],jsonb,uuid,integer)': {
    owner: 'pgfleet_search',
    reason:
      'the indexes of words, tags and metadata; carries the tenant predicate itself, refuses without a tenant, and may read those alone',
  },
  'delivery.find_further_entries(text,text,uuid,uuid,boolean,integer)': {
    owner: 'pgfleet_search',
    reason:
      'the index of further entities; carries the tenant predicate itself, refuses without a tenant, and may read those and keys alone',
  },
  'delivery.find_pull_requests(jsonb)': {
    owner: 'pgfleet_search',
    reason:
      'the indexes of text, labels and metadata; carries the tenant predicate itself, and refuses without a tenant',
  },
}

/** Policies without the tenant predicate. */
export const OPEN_POLICIES: Readonly<Record<string, string>> = {
  'platform.tenants owner_administers pgfleet_owner': 'creates, lists and limits tenants',
  'platform.tenants monitor_reads pgfleet_monitor': 'counts tenants',
  'platform.erasures owner_administers pgfleet_owner': 'tombstones are of tenants that are gone',
  'platform.legal_holds owner_administers pgfleet_owner': 'places, lifts and heeds holds',
  'platform.tenant_usage monitor_reads pgfleet_monitor': 'counts of rows, not rows',
  'platform.erasures monitor_reads pgfleet_monitor': 'when they began and ended; two columns are granted',
  'delivery.jobs monitor_reads pgfleet_monitor':
    'the depth and age of the queue; columns of times and states are granted',
  'metadata.ticks monitor_reads pgfleet_monitor': 'whether ticks are late; not what changed',
  'platform.retention_policies owner_administers pgfleet_owner': 'sets how long rows are kept, and judges what is due',
  ...Object.fromEntries(
    [0, 1, 2, 3].map((slot) => [
      `metadata.changes_s${slot} owner_empties pgfleet_owner`,
      'metadata.empty_change_slot looks how old rows are before it truncates; the owner cannot log in',
    ]),
  ),
  'learning.patterns search_reads pgfleet_search': 'learning.find_patterns carries the predicate',
  'memory.entity_versions search_reads pgfleet_search': 'memory.find_entities carries the predicate',
  'delivery.pull_requests search_reads pgfleet_search': 'delivery.find_pull_requests carries the predicate',
  'delivery.audit_log search_reads pgfleet_search': 'delivery.find_further_entries carries the predicate',
  'memory.vectors_384 search_reads pgfleet_search': 'memory.match_texts carries the predicate',
  'memory.vectors_768 search_reads pgfleet_search': 'memory.match_texts carries the predicate',
  'memory.vectors_1536 search_reads pgfleet_search': 'memory.match_texts carries the predicate',
  'memory.vectors_3072 search_reads pgfleet_search': 'memory.match_texts carries the predicate',
  'delivery.workflow_details search_reads pgfleet_search': 'delivery.find_workflows carries the predicate',
}

/** Where a monitor keeps what it saw. */
const MONITOR_TABLES = [
  'metric_sources',
  'metric_series',
  'metric_segments',
  'metric_snapshots',
  'metric_chunks',
  'open_alerts',
] as const

/** Tables that all tenants share: read-only to them. */
export const SHARED_TABLES: Readonly<Record<string, string>> = {
  'platform.migrations': 'the ledger',
  'platform.routines': 'the ledger',
  'platform.partitioned_tables': 'which tables are partitioned',
  'platform.maintenance_leases': 'who leads maintenance',
  'platform.maintenance_runs': 'what maintenance did',
  'platform.maintenance_positions': 'where maintenance goes on',
  'platform.tuning_trials': 'which settings were tried; numbers and names of roles and tables, no row of a tenant',
  'platform.archived_tables': 'which tables are archived',
  'platform.archives': 'what was archived; numbers, and no row of a tenant',
  ...Object.fromEntries(
    MONITOR_TABLES.map((name) => [`platform.${name}`, 'what a monitor saw of the server; no row of a tenant']),
  ),
  'learning.agent_type_defaults': 'what a new tenant starts with',
  'memory.vector_dimensions': 'which dimensions vectors may have',
  'metadata.change_floors': 'how far back the log of changes reaches',
}

/** Rights of roles other than the owner and the app. */
export const OTHER_GRANTS: Readonly<Record<string, string>> = {
  'platform.tenants pgfleet_monitor SELECT': 'counts tenants',
  'platform.tenant_usage pgfleet_monitor SELECT': 'counts of rows',
  'platform.erasures pgfleet_monitor SELECT': 'two columns',
  'delivery.jobs pgfleet_monitor SELECT': 'columns of times and states',
  'metadata.ticks pgfleet_monitor SELECT': 'columns of times',
  'platform.migrations pgfleet_monitor SELECT': 'shared',
  'platform.routines pgfleet_monitor SELECT': 'shared',
  'platform.partitioned_tables pgfleet_monitor SELECT': 'shared',
  'platform.partitioned_tables pgfleet_operator SELECT': 'shared',
  'platform.migrations pgfleet_operator SELECT': 'shared',
  'platform.routines pgfleet_operator SELECT': 'shared',
  'platform.maintenance_leases pgfleet_monitor SELECT': 'shared',
  'platform.maintenance_leases pgfleet_operator SELECT': 'shared',
  'platform.maintenance_runs pgfleet_monitor SELECT': 'shared',
  'platform.maintenance_runs pgfleet_operator SELECT': 'shared',
  'platform.maintenance_positions pgfleet_operator SELECT': 'shared',
  'platform.tuning_trials pgfleet_monitor SELECT': 'shared',
  'platform.tuning_trials pgfleet_operator SELECT': 'shared',
  'platform.archived_tables pgfleet_monitor SELECT': 'shared',
  'platform.archived_tables pgfleet_operator SELECT': 'shared',
  'platform.archives pgfleet_monitor SELECT': 'shared',
  'platform.archives pgfleet_operator SELECT': 'shared',
  ...Object.fromEntries(
    MONITOR_TABLES.flatMap((name) =>
      ['pgfleet_monitor', 'pgfleet_operator'].map((role) => [`platform.${name} ${role} SELECT`, 'shared']),
    ),
  ),
  'learning.agent_type_defaults pgfleet_monitor SELECT': 'shared',
  'learning.patterns pgfleet_search SELECT': 'learning.find_patterns carries the predicate',
  'memory.entity_versions pgfleet_search SELECT': 'memory.find_entities carries the predicate',
  'delivery.pull_requests pgfleet_search SELECT': 'delivery.find_pull_requests carries the predicate',
  'memory.vector_dimensions pgfleet_monitor SELECT': 'shared',
  'metadata.change_floors pgfleet_monitor SELECT': 'shared',
  'memory.vector_dimensions pgfleet_search SELECT': 'shared',
  'memory.vectors_384 pgfleet_search SELECT': 'memory.match_texts carries the predicate; keys and words only',
  'memory.vectors_768 pgfleet_search SELECT': 'memory.match_texts carries the predicate; keys and words only',
  'memory.vectors_1536 pgfleet_search SELECT': 'memory.match_texts carries the predicate; keys and words only',
  'memory.vectors_3072 pgfleet_search SELECT': 'memory.match_texts carries the predicate; keys and words only',
  'delivery.audit_log pgfleet_search SELECT':
    'delivery.find_further_entries carries the predicate; keys, kinds and further entities only',
  'delivery.workflow_details pgfleet_search SELECT':
    'delivery.find_workflows carries the predicate; keys, words, tags and metadata only',
}

/** What each allow-list names; a name that the database lacks is as wrong as one that the list lacks. */
const names = (list: Readonly<Record<string, unknown>>) =>
  `array[${Object.keys(list)
    .map((name) => `'${name}'`)
    .join()}]::text[]`

const SCHEMAS = `
  schemas as (
    select n.oid, n.nspname, n.nspowner, n.nspacl from pg_namespace n
    where n.nspname not in ('information_schema', 'public', 'extensions') and not starts_with(n.nspname, 'pg_')
  ),
  relations as (
    select c.*, c.oid::regclass::text as name, c.relowner::regrole::text as owner,
      exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped) as of_tenant
    from pg_class c join schemas s on s.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'f')
  ),
  policies as (
    select p.*, r.name as table_name, role.role,
      pg_get_expr(p.polqual, p.polrelid) as reads, pg_get_expr(p.polwithcheck, p.polrelid) as writes
    from pg_policy p
    join relations r on r.oid = p.polrelid
    cross join lateral (
      select case when u.role = 0 then 'public' else u.role::regrole::text end as role from unnest(p.polroles) as u(role)
    ) role
  ),
  rights as (
    select r.name, r.oid, r.relispartition, case when x.grantee = 0 then 'public' else x.grantee::regrole::text end as role, x.privilege_type as privilege
    from relations r cross join lateral aclexplode(coalesce(r.relacl, acldefault('r', r.relowner))) x
    where x.grantee <> r.relowner
    union
    select r.name, r.oid, r.relispartition, case when x.grantee = 0 then 'public' else x.grantee::regrole::text end, x.privilege_type
    from relations r join pg_attribute a on a.attrelid = r.oid cross join lateral aclexplode(a.attacl) x
    where x.grantee <> r.relowner
  ),
  routines as (
    select p.*, format('%s.%s(%s)', s.nspname, p.proname,
        replace((select string_agg(format_type(t.type, null), ',' order by t.place) from unnest(p.proargtypes) with ordinality as t(type, place)), ' ', '')) as name,
      p.proowner::regrole::text as owner
    from pg_proc p join schemas s on s.oid = p.pronamespace
  )`

/** Matches the tenant predicate alone; as a sub-select it is evaluated once a statement instead of once a row. */
const isOfTenant = (expression: string) => `coalesce(${expression}, '') in (
  '(tenant_id = current_setting(''pgfleet.tenant''::text, true))',
  '(tenant_id = ( SELECT current_setting(''pgfleet.tenant''::text, true) AS current_setting))')`

/** The rules; each returns one row a breach, its one column saying what and where. */
export const RULES: Readonly<Record<string, string>> = {
  'every schema belongs to pgfleet_owner and is not public': `
    select nspname || ' belongs to ' || nspowner::regrole from schemas where nspowner::regrole::text <> 'pgfleet_owner'
    union all
    select s.nspname || ' grants ' || x.privilege_type || ' to ' || case when x.grantee = 0 then 'public' else x.grantee::regrole::text end
    from schemas s cross join lateral aclexplode(s.nspacl) x
    where x.grantee <> s.nspowner and (x.grantee = 0 or x.privilege_type <> 'USAGE')`,

  'every table and view belongs to pgfleet_owner': `
    select name || ' belongs to ' || owner from relations where owner <> 'pgfleet_owner'`,

  'a table without tenant_id is listed as shared, and read-only': `
    select name || ' has no tenant_id and is not listed as shared' from relations
    where relkind in ('r', 'p', 'f') and not of_tenant and name <> all (${names(SHARED_TABLES)})
    union all
    select name || ' is shared, yet grants ' || privilege || ' to ' || role from rights
    where name = any (${names(SHARED_TABLES)}) and privilege <> 'SELECT'`,

  'tenant_id has one type, and is never null': `
    select r.name || '.tenant_id is ' || format_type(a.atttypid, a.atttypmod) || ' collate ' || coalesce(l.collname, '') || case when a.attnotnull then '' else ' null' end
    from relations r join pg_attribute a on a.attrelid = r.oid and a.attname = 'tenant_id'
    left join pg_collation l on l.oid = a.attcollation
    where r.relkind in ('r', 'p') and (a.atttypid <> 'text'::regtype or l.collname <> 'C' or not a.attnotnull)`,

  'row-level security is enabled and forced': `
    select name || case when relrowsecurity then ' does not force' else ' has no' end || ' row-level security' from relations
    where relkind in ('r', 'p') and of_tenant and not (relrowsecurity and relforcerowsecurity)`,

  'a policy with the tenant predicate covers every command': `
    select r.name || ' has no tenant policy for ' || c.command
    from relations r
    cross join (values ('r', 'SELECT'), ('a', 'INSERT'), ('w', 'UPDATE'), ('d', 'DELETE')) c(letter, command)
    where r.relkind in ('r', 'p') and r.of_tenant
      -- A command that is granted to nobody but the owner needs none: without a policy it is refused.
      and (exists (select from rights g where g.oid = r.oid and g.privilege = c.command and g.role in ('pgfleet_app', 'public'))
        or (r.relispartition and c.letter = 'r'))
      and not exists (
        select from policies p
        where p.polrelid = r.oid and p.polpermissive and p.role in ('public', 'pgfleet_app') and p.polcmd in ('*', c.letter::"char")
          and ${isOfTenant("case when c.letter = 'a' then p.writes else p.reads end")}
      )`,

  'no policy lets rows of other tenants through': `
    select table_name || ' ' || polname || ' ' || role from policies
    -- A restrictive one lets nothing through: it takes away from what the others let.
    where polpermissive and table_name || ' ' || polname || ' ' || role <> all (${names(OPEN_POLICIES)})
      and not (${isOfTenant('coalesce(reads, writes)')} and ${isOfTenant('coalesce(writes, reads)')})
    union all
    select l.name || ' is listed as open, and is not there' from unnest(${names(OPEN_POLICIES)}) as l(name)
    where not exists (select from policies p where p.table_name || ' ' || p.polname || ' ' || p.role = l.name)`,

  'every key begins with tenant_id': `
    select r.name || ': index ' || i.indexrelid::regclass || ' does not begin with tenant_id'
    from relations r join pg_index i on i.indrelid = r.oid
    where r.of_tenant and (i.indisunique or i.indisexclusion)
      and coalesce((select a.attname from pg_attribute a where a.attrelid = r.oid and a.attnum = i.indkey[0]), '') <> 'tenant_id'
    union all
    select r.name || ' has no primary key' from relations r
    where r.relkind in ('r', 'p') and r.of_tenant
      and not exists (select from pg_constraint c where c.conrelid = r.oid and c.contype = 'p')`,

  'every foreign key pairs tenant_id with tenant_id, and works when tables are distributed': `
    select r.name || ': ' || c.conname || ' does not pair tenant_id with tenant_id'
    from relations r join pg_constraint c on c.conrelid = r.oid and c.contype = 'f'
    where r.of_tenant and not exists (
      select from unnest(c.conkey, c.confkey) as k(here, there)
      join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.here and a.attname = 'tenant_id'
      join pg_attribute b on b.attrelid = c.confrelid and b.attnum = k.there and b.attname = 'tenant_id')
    union all
    select r.name || ': ' || c.conname || ' sets columns on delete or update'
    from relations r join pg_constraint c on c.conrelid = r.oid and c.contype = 'f'
    where c.confdeltype in ('n', 'd') or c.confupdtype in ('n', 'd')
    union all
    select r.name || ': ' || c.conname || ' points into a partitioned table'
    from relations r join pg_constraint c on c.conrelid = r.oid and c.contype = 'f'
    join pg_class t on t.oid = c.confrelid
    where t.relkind = 'p' or t.relispartition`,

  'a partition has no grants: it is reached through its table alone': `
    select name || ' grants ' || privilege || ' to ' || role from rights where relispartition`,

  'rights are those of the app, or listed': `
    select name || ' ' || role || ' ' || privilege from rights
    where not relispartition and name || ' ' || role || ' ' || privilege <> all (${names(OTHER_GRANTS)})
      -- TRUNCATE, REFERENCES and TRIGGER look past row-level security.
      and not (role = 'pgfleet_app' and privilege in ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))
    union all
    select l.name || ' is listed as granted, and is not' from unnest(${names(OTHER_GRANTS)}) as l(name)
    where not exists (select from rights g where g.name || ' ' || g.role || ' ' || g.privilege = l.name)`,

  'a view runs with the rights of its caller': `
    select name || ' is not security_invoker' from relations
    where relkind = 'v' and not coalesce(reloptions, '{}') && array['security_invoker=true', 'security_invoker=on']
    union all
    select name || ' is materialised: it can have no policy' from relations where relkind = 'm'`,

  'a tenant table has no triggers and no rules': `
    select r.name || ' has trigger ' || t.tgname from relations r join pg_trigger t on t.tgrelid = r.oid where not t.tgisinternal
    union all
    select r.name || ' has rule ' || w.rulename from relations r join pg_rewrite w on w.ev_class = r.oid where r.relkind <> 'v'`,

  'functions belong to pgfleet_owner, and definers are listed': `
    select name || ' runs as ' || owner || ' and is not listed' from routines
    where (prosecdef or owner <> 'pgfleet_owner')
      and name || ' ' || owner <> all (array[${Object.entries(DEFINERS)
        .map(([name, { owner }]) => `'${name} ${owner}'`)
        .join()}]::text[])
    union all
    select l.name || ' is listed as a definer, and is none' from unnest(${names(DEFINERS)}) as l(name)
    where not exists (select from routines p where p.name = l.name and p.prosecdef)`,

  'every function pins its search_path': `
    select name || ' has ' || coalesce(setting, 'no search_path') from (
      select p.name, (select s.setting from unnest(p.proconfig) as s(setting) where starts_with(s.setting, 'search_path=')) as setting
      from routines p
    ) x
    where coalesce(setting, '') !~ '^search_path=pg_catalog, ((extensions, public|extensions), )?pg_temp$'`,

  'no function may be executed by public': `
    select p.name || ' may be executed by public' from routines p
    where exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) x where x.grantee = 0)`,

  'no SQL function enters a tenant: inlined, it would run with the rights of the login': `
    select p.name || ' is LANGUAGE SQL and calls platform.enter' from routines p join pg_language l on l.oid = p.prolang
    where l.lanname = 'sql' and p.prosrc ~ 'platform\\.enter'`,

  'the roles hold no power': `
    select rolname || ' is a superuser, logs in, or is above row-level security' from pg_roles
    where starts_with(rolname, 'pgfleet_') and rolname in ('pgfleet_owner', 'pgfleet_app', 'pgfleet_monitor', 'pgfleet_search', 'pgfleet_operator')
      and (rolsuper or rolbypassrls or rolcanlogin or rolcreaterole or rolcreatedb or rolreplication)
    union all
    select m.member::regrole || ' is a member of ' || m.roleid::regrole from pg_auth_members m
    where m.member::regrole::text in ('pgfleet_app', 'pgfleet_monitor', 'pgfleet_search')
    union all
    select 'pgfleet_owner is a member of ' || m.roleid::regrole from pg_auth_members m
    where m.member::regrole::text = 'pgfleet_owner' and (m.roleid::regrole::text <> 'pgfleet_search' or m.inherit_option)
    union all
    select 'pgfleet_operator is a member of ' || m.roleid::regrole from pg_auth_members m
    where m.member::regrole::text = 'pgfleet_operator' and (m.roleid::regrole::text <> 'pgfleet_app' or m.inherit_option)`,
}

/** Everything that breaks a rule, as `rule: what`. */
export async function findBreaches(query: (text: string) => Promise<Record<string, string>[]>): Promise<string[]> {
  const breaches: string[] = []
  for (const [rule, text] of Object.entries(RULES)) {
    const rows = await query(`with ${SCHEMAS}\n${text}`)
    breaches.push(...rows.map((row) => `${rule}: ${Object.values(row)[0]}`))
  }
  return breaches
}
