--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- Agent sessions, what each did (interactions), and the sketch of their response times.

create table delivery.agent_sessions (
  tenant_id text collate "C" not null,
  session_id uuid not null,
  agent_name text not null,
  agent_type text collate "C" not null,
  agent_version text,
  status text collate "C" not null default 'active',
  version bigint not null default 1,
  parent_id uuid,
  workflow_id uuid,
  task text,
  data jsonb not null default '{}'::jsonb,
  context jsonb not null default '{}'::jsonb,
  metadata jsonb not null default '{}'::jsonb,
  content_hash uuid not null,
  token_budget bigint,
  cost_budget numeric(22, 10),
  request_budget bigint,
  request_count bigint not null default 0,
  success_count bigint not null default 0,
  tokens_used bigint not null default 0,
  cost_usd numeric(22, 10) not null default 0,
  duration_us_sum numeric(30, 0) not null default 0,
  duration_us_min bigint,
  duration_us_max bigint,
  started_at timestamptz not null default now(),
  last_activity_at timestamptz not null default now(),
  live_until timestamptz not null default now() + interval '24 hours',
  ended_at timestamptz,
  constraint agent_sessions_pkey primary key (tenant_id, session_id),
  constraint agent_sessions_agent_type check (agent_type in ('ai_assistant', 'code_generator', 'reviewer', 'tester', 'deployer', 'monitor')),
  constraint agent_sessions_status check (status in ('active', 'idle', 'busy', 'paused', 'completed', 'failed', 'expired', 'terminated')),
  constraint agent_sessions_ended check ((ended_at is not null) = (status in ('completed', 'failed', 'expired', 'terminated'))),
  constraint agent_sessions_objects check (jsonb_typeof(data) = 'object' and jsonb_typeof(context) = 'object' and jsonb_typeof(metadata) = 'object'),
  constraint agent_sessions_counts check (success_count between 0 and request_count and tokens_used >= 0 and cost_usd >= 0),
  constraint agent_sessions_budgets check (tokens_used <= token_budget and cost_usd <= cost_budget and request_count <= request_budget)
) with (fillfactor = 60);
comment on table delivery.agent_sessions is 'One row a session of an agent, with its counters. Its status changes as delivery.next_agent_session_states says.';
comment on column delivery.agent_sessions.version is 'Grows by one with every change but that of the counters.';
comment on column delivery.agent_sessions.context is 'What was given, over what the parent''s context was when this was created.';
comment on column delivery.agent_sessions.content_hash is 'Hash of what it was created with: tells a retry from another use of the same id.';
comment on column delivery.agent_sessions.request_count is 'Its interactions, and the sequence of the last: counted under the lock of this row.';
comment on column delivery.agent_sessions.success_count is 'Those that succeeded; the others failed.';
comment on column delivery.agent_sessions.cost_budget is 'What its interactions may cost together, in US dollars; null for no limit, as are the other budgets.';
comment on column delivery.agent_sessions.duration_us_sum is 'Microseconds of all interactions; the mean is this by request_count.';
comment on column delivery.agent_sessions.live_until is 'Past this a session that has not ended is expired, whatever its status.';
-- The counters are in no index, so that recording an interaction is HOT.
-- What a list asks for equals comes before the tenant: an index that began like the key could be taken for it, while nobody
-- has counted the rows, and would be read from end to end.
create index agent_sessions_status on delivery.agent_sessions (status, tenant_id, session_id);
create index agent_sessions_agent on delivery.agent_sessions (agent_name, tenant_id, session_id);
create index agent_sessions_workflow on delivery.agent_sessions (workflow_id, tenant_id, session_id) where workflow_id is not null;
create index agent_sessions_parent on delivery.agent_sessions (parent_id, tenant_id, session_id) where parent_id is not null;
create index agent_sessions_live on delivery.agent_sessions (tenant_id, live_until) where ended_at is null;

create table delivery.agent_session_durations (
  tenant_id text collate "C" not null,
  session_id uuid not null,
  bucket integer not null,
  duration_count bigint not null,
  constraint agent_session_durations_pkey primary key (tenant_id, session_id, bucket),
  constraint agent_session_durations_count check (duration_count > 0)
) with (fillfactor = 70);
comment on table delivery.agent_session_durations is 'The sketch of response times: how many lie in each bucket of delivery.sketch_bucket. Sketches merge by adding up counts.';
comment on column delivery.agent_session_durations.bucket is 'delivery.sketch_bucket of the milliseconds.';

create table delivery.agent_interactions (
  tenant_id text collate "C" not null,
  interaction_id uuid not null,
  session_id uuid not null,
  sequence bigint not null,
  interaction_type text collate "C" not null,
  status text collate "C" not null,
  tokens bigint not null default 0,
  cost_usd numeric(22, 10) not null default 0,
  duration_us bigint not null default 0,
  request jsonb not null default '{}'::jsonb,
  response jsonb,
  error_message text,
  workflow_id uuid,
  task text,
  recorded_at timestamptz not null default now(),
  constraint agent_interactions_pkey primary key (tenant_id, interaction_id),
  constraint agent_interactions_type check (interaction_type in ('chat', 'code_generation', 'code_review', 'testing', 'deployment', 'analysis', 'planning', 'validation', 'monitoring')),
  constraint agent_interactions_status check (status in ('completed', 'failed', 'timeout', 'cancelled')),
  constraint agent_interactions_amounts check (sequence > 0 and tokens >= 0 and cost_usd >= 0 and duration_us >= 0)
) partition by range (interaction_id);
comment on table delivery.agent_interactions is 'What the agents did: one row an interaction, never changed. Partitioned by the month inside the id.';
comment on column delivery.agent_interactions.interaction_id is 'A UUIDv7; recording it again changes nothing.';
comment on column delivery.agent_interactions.sequence is 'Its place in the session, from 1, without gaps or doubles.';
comment on column delivery.agent_interactions.duration_us is 'Microseconds that it took.';
create index agent_interactions_session on delivery.agent_interactions (session_id, tenant_id, sequence);

insert into platform.partitioned_tables (schema_name, table_name, id_column, retention) values
  ('delivery', 'agent_interactions', 'interaction_id', interval '400 days');

-- The setting is read in a sub-select: once a statement instead of once a row.
do $$
declare
  v_table regclass;
begin
  for v_table in
    select c.oid from pg_class c
    where c.relnamespace = 'delivery'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity
  loop
    execute format('alter table %s enable row level security', v_table);
    execute format('alter table %s force row level security', v_table);
    execute format('create policy tenant_isolation on %s using (tenant_id = (select current_setting(''pgfleet.tenant'', true))) with check (tenant_id = (select current_setting(''pgfleet.tenant'', true)))', v_table);
    execute format('grant select, insert, update, delete on %s to pgfleet_app', v_table);
  end loop;
end
$$;
-- What was done stays as it is; months retire with their partitions.
revoke update, delete on delivery.agent_interactions from pgfleet_app;
