--! breaking: no   lock: access exclusive on learning.patterns   rewrite: learning.patterns   time: about a minute a million patterns
-- Patterns by hash of their agent type. A trigram search merges the posting lists of a name's trigrams, and these are as
-- long as the table: a search within one agent type reads those of its partition, and takes half the time. Of twenty, the
-- eighteen types that every tenant has share none by more than two.

-- The owner, too, sees no row under forced row-level security.
alter table learning.patterns no force row level security;
create table learning.patterns_held as select * from learning.patterns;
drop view if exists learning.pattern_effectiveness;
drop table learning.patterns;

create table learning.patterns (
  tenant_id text collate "C" not null,
  pattern_id uuid not null,
  agent_type text collate "C" not null,
  pattern_name text not null,
  version integer not null default 1,
  parent_pattern_id uuid,
  pattern_type text not null,
  category text,
  pattern_data jsonb not null,
  trigger_conditions jsonb,
  expected_outcome jsonb,
  usage_count bigint not null default 0,
  success_count bigint not null default 0,
  failure_count bigint not null default 0,
  total_reward double precision not null default 0,
  average_reward double precision not null generated always as (case when usage_count = 0 then 0 else total_reward / usage_count end) stored,
  confidence double precision not null generated always as ((success_count + 1)::double precision / (success_count + failure_count + 2)) stored,
  first_seen_at timestamptz not null default now(),
  last_used_at timestamptz,
  expires_at timestamptz not null,
  metadata jsonb not null default '{}'::jsonb,
  constraint patterns_pkey primary key (tenant_id, pattern_id, agent_type),
  constraint patterns_version_unique unique (tenant_id, agent_type, pattern_name, version),
  constraint patterns_agent_type_fkey foreign key (tenant_id, agent_type) references learning.agent_types on delete cascade,
  constraint patterns_name_length check (length(pattern_name) between 1 and 200),
  constraint patterns_version_positive check (version >= 1),
  constraint patterns_counts_add_up check (success_count >= 0 and failure_count >= 0 and success_count + failure_count <= usage_count)
) partition by hash (agent_type);
comment on table learning.patterns is 'What worked before, by name: data to apply, the conditions that call for it, and how it did.';
comment on column learning.patterns.confidence is 'The mean of Beta(1 + successes, 1 + failures): 0.5 when nothing is known.';
comment on column learning.patterns.trigger_conditions is 'Conditions on a context, evaluated by learning.condition_holds; null never triggers.';

do $$
declare
  v_columns text := (
    select string_agg(quote_ident(a.attname), ', ' order by a.attnum) from pg_attribute a
    where a.attrelid = 'learning.patterns'::regclass and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
  );
  v_gin text := (select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'btree_gin');
  v_trgm text := (select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm');
begin
  for v_remainder in 0..19 loop
    execute format('create table learning.patterns_h%s partition of learning.patterns for values with (modulus 20, remainder %s)', v_remainder, v_remainder);
    execute format('alter table learning.patterns_h%s enable row level security', v_remainder);
    execute format('alter table learning.patterns_h%s force row level security', v_remainder);
    execute format('create policy tenant_isolation on learning.patterns_h%s using (tenant_id = (select current_setting(''pgfleet.tenant'', true))) with check (tenant_id = (select current_setting(''pgfleet.tenant'', true)))', v_remainder);
  end loop;
  execute format('insert into learning.patterns (%s) select %s from learning.patterns_held', v_columns, v_columns);
  -- The operator classes live where their extensions were installed.
  execute format('create index patterns_name_trigrams on learning.patterns using gin (agent_type %I.text_ops, pattern_name %I.gin_trgm_ops) with (fastupdate = off)',
    v_gin, v_trgm);
end
$$;
create index patterns_average_reward on learning.patterns (tenant_id, agent_type, average_reward desc, pattern_id);
create index patterns_triggered on learning.patterns (tenant_id, agent_type, pattern_id) where trigger_conditions is not null;
create index patterns_expires_at on learning.patterns (expires_at);
drop table learning.patterns_held;

alter table learning.patterns enable row level security;
alter table learning.patterns force row level security;
create policy tenant_isolation on learning.patterns
  using (tenant_id = (select current_setting('pgfleet.tenant', true)))
  with check (tenant_id = (select current_setting('pgfleet.tenant', true)));
create policy search_reads on learning.patterns for select to pgfleet_search using (true);
grant select, insert, update, delete on learning.patterns to pgfleet_app;
grant select on learning.patterns to pgfleet_search;
