--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- The learning store. Hot tables have no foreign keys: each inserted row would lock the parent row it shares with every
-- other writer; the functions check what the keys would.

create schema learning;
comment on schema learning is 'What agents learn: action values, trajectories, rewards, patterns, agent states.';
grant usage on schema learning to pgfleet_app, pgfleet_monitor, pgfleet_search;

create table learning.agent_type_defaults (
  agent_type text collate "C" not null,
  display_name text not null,
  category text not null,
  description text not null,
  state_dimensions integer not null,
  action_dimensions integer not null,
  constraint agent_type_defaults_pkey primary key (agent_type)
);
comment on table learning.agent_type_defaults is 'The agent types that a new tenant starts with; shared by all tenants and read-only to them.';

insert into learning.agent_type_defaults
  (agent_type, display_name, category, description, state_dimensions, action_dimensions)
values
  ('test-generator', 'Test generator', 'core-testing', 'Writes tests for code that lacks them.', 15, 8),
  ('test-executor', 'Test executor', 'core-testing', 'Chooses which tests run, in what order and how parallel.', 10, 6),
  ('coverage-analyzer', 'Coverage analyzer', 'core-testing', 'Finds the code that no test reaches.', 12, 5),
  ('quality-gate', 'Quality gate', 'core-testing', 'Decides whether a change may go on.', 10, 4),
  ('quality-analyzer', 'Quality analyzer', 'core-testing', 'Judges code by its quality measures.', 12, 6),
  ('code-complexity', 'Code complexity', 'core-testing', 'Measures how hard code is to follow.', 10, 5),
  ('performance-tester', 'Performance tester', 'performance-security', 'Loads a system and reads its latencies.', 14, 7),
  ('security-scanner', 'Security scanner', 'performance-security', 'Looks for vulnerabilities.', 16, 8),
  ('requirements-validator', 'Requirements validator', 'strategic', 'Checks that requirements can be tested.', 10, 5),
  ('production-intelligence', 'Production intelligence', 'strategic', 'Turns incidents in production into tests.', 12, 6),
  ('fleet-commander', 'Fleet commander', 'strategic', 'Hands work to the other agents.', 20, 10),
  ('regression-risk-analyzer', 'Regression risk analyzer', 'advanced', 'Estimates what a change may break.', 13, 7),
  ('test-data-architect', 'Test data architect', 'advanced', 'Makes realistic test data.', 12, 6),
  ('api-contract-validator', 'API contract validator', 'advanced', 'Checks that interfaces keep their contracts.', 14, 7),
  ('flaky-test-hunter', 'Flaky test hunter', 'advanced', 'Finds tests that fail now and then.', 11, 6),
  ('deployment-readiness', 'Deployment readiness', 'specialized', 'Judges whether a release can be deployed.', 11, 5),
  ('visual-tester', 'Visual tester', 'specialized', 'Compares what pages look like.', 13, 6),
  ('chaos-engineer', 'Chaos engineer', 'specialized', 'Breaks things on purpose to see what holds.', 15, 8);

create table learning.agent_types (
  tenant_id text collate "C" not null,
  agent_type text collate "C" not null,
  display_name text not null,
  category text not null,
  description text not null default '',
  state_dimensions integer not null default 10,
  action_dimensions integer not null default 5,
  learning_rate double precision not null default 0.1,
  discount_factor double precision not null default 0.95,
  exploration_rate double precision not null default 0.2,
  min_exploration_rate double precision not null default 0.01,
  exploration_decay double precision not null default 0.995,
  retention_days integer not null default 30,
  is_active boolean not null default true,
  metadata jsonb not null default '{}'::jsonb,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint agent_types_pkey primary key (tenant_id, agent_type),
  constraint agent_types_name_length check (length(agent_type) between 1 and 50),
  constraint agent_types_dimensions_positive check (state_dimensions > 0 and action_dimensions > 0),
  constraint agent_types_learning_rate_range check (learning_rate >= 1e-9 and learning_rate <= 1),
  constraint agent_types_discount_factor_range check (discount_factor >= 0 and discount_factor <= 1),
  constraint agent_types_exploration_rate_range check (exploration_rate >= 0 and exploration_rate <= 1),
  constraint agent_types_min_exploration_rate_range check (min_exploration_rate >= 0 and min_exploration_rate <= exploration_rate),
  constraint agent_types_exploration_decay_range check (exploration_decay >= 1e-9 and exploration_decay <= 1),
  constraint agent_types_retention_range check (retention_days between 1 and 36500)
);
comment on table learning.agent_types is 'The kinds of agent of a tenant, with the rates they learn by. Copied from agent_type_defaults when the tenant is created, then its own.';
comment on column learning.agent_types.category is 'The group whose knowledge is tried when the type itself does not know a state.';
comment on column learning.agent_types.retention_days is 'Days after its last update that an action value, a pattern or an agent state of this type expires.';

create table learning.sessions (
  tenant_id text collate "C" not null,
  session_id uuid not null,
  agent_type text collate "C" not null,
  session_name text,
  status text not null default 'active',
  environment text not null default 'development',
  task_count integer not null default 0,
  total_reward double precision not null default 0,
  started_at timestamptz not null default now(),
  ended_at timestamptz,
  expires_at timestamptz not null,
  metadata jsonb not null default '{}'::jsonb,
  constraint sessions_pkey primary key (tenant_id, session_id),
  constraint sessions_agent_type_fkey foreign key (tenant_id, agent_type) references learning.agent_types on delete cascade,
  constraint sessions_status_legal check (status in ('active', 'completed', 'failed', 'cancelled')),
  constraint sessions_environment_legal check (environment in ('development', 'staging', 'production')),
  constraint sessions_ended_when_final check ((ended_at is null) = (status = 'active')),
  constraint sessions_task_count_positive check (task_count >= 0)
);
comment on table learning.sessions is 'A run of one agent type: the frame around its trajectories.';
create index sessions_started_at on learning.sessions (tenant_id, started_at desc, session_id desc);
create index sessions_agent_type on learning.sessions (tenant_id, agent_type, started_at desc);

create table learning.q_values (
  q double precision not null,
  q_b double precision,
  visits bigint not null,
  td_error double precision not null,
  learning_rate double precision not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  expires_at timestamptz not null,
  state_hash uuid not null,
  action_hash uuid not null,
  session_id uuid,
  tenant_id text collate "C" not null,
  agent_type text collate "C" not null,
  state jsonb not null,
  action jsonb not null,
  constraint q_values_pkey primary key (tenant_id, state_hash, agent_type, action_hash),
  constraint q_values_visits_positive check (visits >= 0),
  -- NaN counts as greater than infinity.
  constraint q_values_finite check (q > '-infinity' and q < 'infinity' and td_error > '-infinity' and td_error < 'infinity'),
  constraint q_values_learning_rate_range check (learning_rate >= 0 and learning_rate <= 1)
) with (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
comment on table learning.q_values is 'One row a (state, agent type, action): what taking the action in the state is worth. The key is the only B-tree, and it holds nothing that an update changes, so updates are HOT.';
comment on column learning.q_values.q is 'The action value; with double Q-learning the first of two estimates.';
comment on column learning.q_values.q_b is 'Double Q-learning''s second estimate; null until it is used. The value that counts is then the mean of both.';
comment on column learning.q_values.visits is 'Experiences applied since the row was made or last expired. 0 only inside the transaction that makes the row.';
comment on column learning.q_values.td_error is 'The temporal-difference error of the last update: target minus the value before.';
comment on column learning.q_values.learning_rate is 'The rate of the last update; 0 when it was 1 / visits.';
comment on column learning.q_values.expires_at is 'Midnight UTC after the agent type''s retention: moves at most once a day.';
comment on column learning.q_values.state_hash is 'learning.content_hash(state): 128 bits, a UUIDv8.';
-- Finds the expired rows without making updates non-HOT, as a B-tree on the deadline would.
create index q_values_expires_at on learning.q_values using brin (expires_at) with (pages_per_range = 32, autosummarize = on);

create table learning.experiences (
  tenant_id text collate "C" not null,
  experience_id uuid not null,
  state_hash uuid not null,
  action_hash uuid not null,
  agent_type text collate "C" not null,
  q double precision not null,
  visits bigint not null,
  td_error double precision not null,
  constraint experiences_pkey primary key (tenant_id, experience_id)
) partition by range (experience_id);
comment on table learning.experiences is 'The experiences that carried an id, and what they led to: a retry of the id gets the same answer and changes nothing. Partitioned by the month inside the id.';

create table learning.trajectories (
  tenant_id text collate "C" not null,
  trajectory_id uuid not null,
  agent_type text collate "C" not null,
  session_id uuid,
  task_id text,
  initial_state jsonb not null,
  final_state jsonb,
  states jsonb not null default '[]'::jsonb,
  actions jsonb not null default '[]'::jsonb,
  step_count integer not null,
  total_reward double precision not null,
  discounted_return double precision not null,
  priority double precision not null default 1,
  execution_ms double precision not null,
  succeeded boolean not null,
  error_message text,
  pattern_ids uuid[] not null default '{}',
  started_at timestamptz not null,
  completed_at timestamptz not null,
  metadata jsonb not null default '{}'::jsonb,
  constraint trajectories_pkey primary key (tenant_id, trajectory_id),
  constraint trajectories_times_ordered check (completed_at >= started_at),
  constraint trajectories_step_count_positive check (step_count >= 0),
  constraint trajectories_execution_positive check (execution_ms >= 0),
  constraint trajectories_priority_positive check (priority between 1e-9 and 1e9)
) partition by range (trajectory_id);
comment on table learning.trajectories is 'What an agent did on one task, from the first state to the last. Partitioned by the month inside the id.';
comment on column learning.trajectories.discounted_return is 'Sum over steps of discount_factor^step times the step''s reward, with the agent type''s factor at the time.';
comment on column learning.trajectories.priority is 'Weight in prioritised sampling, before the exponent; 1 until set.';
create index trajectories_recent on learning.trajectories (tenant_id, agent_type, trajectory_id desc);

create table learning.rewards (
  tenant_id text collate "C" not null,
  trajectory_id uuid not null,
  step integer not null,
  reward double precision not null,
  observed_at timestamptz not null,
  reward_type text not null,
  reward_source text,
  agent_type text collate "C" not null,
  state_hash uuid,
  action_hash uuid,
  constraint rewards_pkey primary key (tenant_id, trajectory_id, step),
  constraint rewards_step_positive check (step >= 0),
  constraint rewards_finite check (reward > '-infinity' and reward < 'infinity'),
  constraint rewards_type_legal check (reward_type in ('immediate', 'delayed', 'terminal'))
) partition by range (trajectory_id);
comment on table learning.rewards is 'One row a reward of a step. Partitioned like its trajectories, so that both retire together.';

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
  constraint patterns_pkey primary key (tenant_id, pattern_id),
  constraint patterns_version_unique unique (tenant_id, agent_type, pattern_name, version),
  constraint patterns_agent_type_fkey foreign key (tenant_id, agent_type) references learning.agent_types on delete cascade,
  constraint patterns_name_length check (length(pattern_name) between 1 and 200),
  constraint patterns_version_positive check (version >= 1),
  constraint patterns_counts_add_up check (success_count >= 0 and failure_count >= 0 and success_count + failure_count <= usage_count)
);
comment on table learning.patterns is 'What worked before, by name: data to apply, the conditions that call for it, and how it did.';
comment on column learning.patterns.confidence is 'The mean of Beta(1 + successes, 1 + failures): 0.5 when nothing is known.';
comment on column learning.patterns.trigger_conditions is 'Conditions on a context, evaluated by learning.condition_holds; null never triggers.';
create index patterns_average_reward on learning.patterns (tenant_id, agent_type, average_reward desc, pattern_id);
create index patterns_triggered on learning.patterns (tenant_id, agent_type, pattern_id) where trigger_conditions is not null;
create index patterns_expires_at on learning.patterns (expires_at);
do $$
declare
  v_gin text := (select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'btree_gin');
  v_trgm text := (select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm');
begin
  -- The operator classes live where their extensions were installed. Agent type first in the same index: a search within
  -- one reads a part of what it otherwise would.
  execute format('create index patterns_name_trigrams on learning.patterns using gin (agent_type %I.text_ops, pattern_name %I.gin_trgm_ops) with (fastupdate = off)',
    v_gin, v_trgm);
end
$$;

create table learning.agent_states (
  tenant_id text collate "C" not null,
  agent_type text collate "C" not null,
  agent_instance_id text not null,
  status text not null default 'idle',
  total_tasks bigint not null default 0,
  successful_tasks bigint not null default 0,
  failed_tasks bigint not null default 0,
  total_reward double precision not null default 0,
  average_reward double precision not null generated always as (case when total_tasks = 0 then 0 else total_reward / total_tasks end) stored,
  success_rate double precision not null generated always as (case when total_tasks = 0 then 0 else successful_tasks::double precision / total_tasks end) stored,
  exploration_rate double precision not null,
  learning_rate double precision not null,
  patterns_learned bigint not null default 0,
  initialized_at timestamptz not null,
  last_activity_at timestamptz not null,
  expires_at timestamptz not null,
  metadata jsonb not null default '{}'::jsonb,
  constraint agent_states_pkey primary key (tenant_id, agent_type, agent_instance_id),
  constraint agent_states_agent_type_fkey foreign key (tenant_id, agent_type) references learning.agent_types on delete cascade,
  constraint agent_states_status_legal check (status in ('idle', 'active', 'learning', 'paused', 'error')),
  constraint agent_states_tasks_add_up check (successful_tasks >= 0 and failed_tasks >= 0 and successful_tasks + failed_tasks <= total_tasks),
  constraint agent_states_instance_length check (length(agent_instance_id) between 1 and 100)
) with (fillfactor = 80);
comment on table learning.agent_states is 'One row a running agent: what it has done, and the exploration rate that it has decayed to.';

create table learning.policy_snapshots (
  tenant_id text collate "C" not null,
  snapshot_id uuid not null,
  agent_type text collate "C" not null,
  label text not null,
  q_value_count bigint not null,
  created_at timestamptz not null default now(),
  constraint policy_snapshots_pkey primary key (tenant_id, snapshot_id),
  constraint policy_snapshots_agent_type_fkey foreign key (tenant_id, agent_type) references learning.agent_types on delete cascade,
  constraint policy_snapshots_label_length check (length(label) between 1 and 200)
);
comment on table learning.policy_snapshots is 'Copies of an agent type''s action values, to go back to.';
create index policy_snapshots_agent_type on learning.policy_snapshots (tenant_id, agent_type, created_at desc);

create table learning.policy_snapshot_values (
  tenant_id text collate "C" not null,
  snapshot_id uuid not null,
  state_hash uuid not null,
  action_hash uuid not null,
  q double precision not null,
  q_b double precision,
  visits bigint not null,
  state jsonb not null,
  action jsonb not null,
  constraint policy_snapshot_values_pkey primary key (tenant_id, snapshot_id, state_hash, action_hash),
  constraint policy_snapshot_values_snapshot_fkey foreign key (tenant_id, snapshot_id) references learning.policy_snapshots on delete cascade
);
comment on table learning.policy_snapshot_values is 'The action values of a policy snapshot.';

create table learning.agent_performance (
  tenant_id text collate "C" not null,
  agent_type text collate "C" not null,
  sessions bigint not null,
  trajectories bigint not null,
  successes bigint not null,
  average_reward double precision,
  cumulative_reward double precision not null,
  average_execution_ms double precision,
  patterns bigint not null,
  q_values bigint not null,
  average_visits double precision,
  active_instances bigint not null,
  last_active_at timestamptz,
  refreshed_at timestamptz not null,
  constraint agent_performance_pkey primary key (tenant_id, agent_type)
);
comment on table learning.agent_performance is 'The summary behind agent_performance_summary, each source aggregated by itself, refreshed by refresh_materialized_views. A table under row-level security, because a materialised view can have no policy.';

create table learning.pattern_outcomes (
  tenant_id text collate "C" not null,
  pattern_id uuid not null,
  trajectories_using_pattern bigint not null,
  refreshed_at timestamptz not null,
  constraint pattern_outcomes_pkey primary key (tenant_id, pattern_id)
);
comment on table learning.pattern_outcomes is 'How many trajectories used each pattern, refreshed by refresh_materialized_views.';

insert into platform.partitioned_tables (schema_name, table_name, id_column, retention) values
  ('learning', 'experiences', 'experience_id', interval '35 days'),
  ('learning', 'trajectories', 'trajectory_id', interval '100 days'),
  ('learning', 'rewards', 'trajectory_id', interval '100 days');

-- The setting is read in a sub-select: once a statement instead of once a row.
do $$
declare
  v_table regclass;
begin
  for v_table in
    select c.oid from pg_class c
    where c.relnamespace = 'learning'::regnamespace and c.relkind in ('r', 'p') and c.relname <> 'agent_type_defaults'
  loop
    execute format('alter table %s enable row level security', v_table);
    execute format('alter table %s force row level security', v_table);
    execute format('create policy tenant_isolation on %s using (tenant_id = (select current_setting(''pgfleet.tenant'', true))) with check (tenant_id = (select current_setting(''pgfleet.tenant'', true)))', v_table);
    execute format('grant select, insert, update, delete on %s to pgfleet_app', v_table);
  end loop;
end
$$;
grant select on learning.agent_type_defaults to pgfleet_app, pgfleet_monitor;

-- The text search runs as this role: under the tenant's policy alone, conditions that are not leakproof may not use an
-- index. Its functions carry the tenant predicate themselves.
create policy search_reads on learning.patterns for select to pgfleet_search using (true);
grant select on learning.patterns to pgfleet_search;
