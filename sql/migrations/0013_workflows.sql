--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- Workflows: graphs of tasks, their states, and the jobs that workers claim. What changes often is kept apart from what is
-- written once, so that a change costs one narrow row.

create table delivery.workflows (
  tenant_id text collate "C" not null,
  workflow_id uuid not null,
  status text collate "C" not null default 'pending',
  version bigint not null default 1,
  priority integer not null default 0,
  task_count integer not null default 0,
  open_tasks integer not null default 0,
  completed_tasks integer not null default 0,
  failed_tasks integer not null default 0,
  skipped_tasks integer not null default 0,
  cancelled_tasks integer not null default 0,
  has_failed boolean not null default false,
  has_failed_critically boolean not null default false,
  timeout_ms bigint,
  deadline_at timestamptz,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  ended_at timestamptz,
  updated_at timestamptz not null default now(),
  constraint workflows_pkey primary key (tenant_id, workflow_id),
  constraint workflows_status_legal check (status in ('pending', 'running', 'paused', 'completed', 'failed', 'cancelled', 'timeout')),
  constraint workflows_priority_legal check (priority between 0 and 10),
  constraint workflows_tasks_counted check (
    open_tasks >= 0 and open_tasks + completed_tasks + failed_tasks + skipped_tasks + cancelled_tasks = task_count
  ),
  constraint workflows_end_stamped check ((ended_at is not null) = (status in ('completed', 'failed', 'cancelled', 'timeout'))),
  constraint workflows_completed_whole check (status <> 'completed' or (open_tasks = 0 and not has_failed and not has_failed_critically))
) with (fillfactor = 80);
comment on table delivery.workflows is 'How each workflow stands: one narrow row. Its status changes as delivery.next_workflow_statuses says, in delivery.move_workflows alone.';
comment on column delivery.workflows.version is 'Grows by one with every change of status.';
comment on column delivery.workflows.open_tasks is 'Tasks that have not ended. Counted here, so that no scan of the tasks decides whether the workflow has ended.';
comment on column delivery.workflows.has_failed is 'A task that is not optional has failed, or was skipped because of one: the workflow ends failed.';
comment on column delivery.workflows.has_failed_critically is 'A critical task has failed: the workflow fails at once, a paused one when it is resumed.';
comment on column delivery.workflows.timeout_ms is 'How long it may take from its start; pauses count.';
comment on column delivery.workflows.deadline_at is 'When it times out; set at its start from timeout_ms where that is sooner.';
-- What a list asks for equals comes before the tenant: an index that began like the key could be taken for it, while nobody
-- has counted the rows, and would be read from end to end.
create index workflows_status on delivery.workflows (status, tenant_id, workflow_id);
create index workflows_deadline on delivery.workflows (tenant_id, deadline_at) where deadline_at is not null and status in ('running', 'paused');

create table delivery.workflow_details (
  tenant_id text collate "C" not null,
  workflow_id uuid not null,
  content_hash uuid not null,
  name text not null,
  description text,
  workflow_type text collate "C" not null default 'ci_cd',
  environment text collate "C" not null default 'development',
  triggered_by text,
  parent_workflow_id uuid,
  estimate_ms bigint,
  tags text[] not null default '{}',
  metadata jsonb not null default '{}'::jsonb,
  configuration jsonb not null default '{}'::jsonb,
  search tsvector not null generated always as (
    to_tsvector('simple'::regconfig, name) || to_tsvector('english'::regconfig, name || ' ' || coalesce(description, ''))
  ) stored,
  constraint workflow_details_pkey primary key (tenant_id, workflow_id),
  constraint workflow_details_type_legal check (workflow_type <> ''),
  constraint workflow_details_environment_legal check (environment <> '')
);
comment on table delivery.workflow_details is 'What each workflow was created with; never changed, so that its indexes are written once.';
comment on column delivery.workflow_details.content_hash is 'Hash of all that it was created with: tells a retry from another use of the same id.';
comment on column delivery.workflow_details.parent_workflow_id is 'The workflow that this one repeats or belongs to.';
comment on column delivery.workflow_details.estimate_ms is 'How long it was expected to take.';
create index workflow_details_type on delivery.workflow_details (workflow_type, tenant_id, workflow_id);
create index workflow_details_environment on delivery.workflow_details (environment, tenant_id, workflow_id);
create index workflow_details_parent on delivery.workflow_details (parent_workflow_id, tenant_id, workflow_id) where parent_workflow_id is not null;
create index workflow_details_search on delivery.workflow_details using gin (search) with (gin_pending_list_limit = 256);
create index workflow_details_tags on delivery.workflow_details using gin (tags) with (gin_pending_list_limit = 256);
create index workflow_details_metadata on delivery.workflow_details using gin (metadata jsonb_path_ops) with (gin_pending_list_limit = 256);

create table delivery.workflow_tasks (
  tenant_id text collate "C" not null,
  workflow_id uuid not null,
  task_number integer not null,
  name text not null,
  task_type text collate "C" not null,
  status text collate "C" not null default 'pending',
  dependencies integer[] not null default '{}',
  dependents integer[] not null default '{}',
  waits_for integer not null default 0,
  is_optional boolean not null default false,
  is_critical boolean not null default true,
  max_retries integer not null default 3,
  retry_delay_ms integer not null default 60000,
  delay_ms integer not null default 0,
  timeout_ms integer,
  channel text collate "C" not null default '',
  payload jsonb not null default 'null'::jsonb,
  attempt integer not null default 0,
  lease uuid,
  worker text,
  result jsonb,
  error text,
  started_at timestamptz,
  ended_at timestamptz,
  constraint workflow_tasks_pkey primary key (tenant_id, workflow_id, task_number),
  constraint workflow_tasks_status_legal check (status in ('pending', 'completed', 'failed', 'skipped', 'cancelled')),
  constraint workflow_tasks_end_stamped check ((ended_at is not null) = (status <> 'pending')),
  constraint workflow_tasks_kind_legal check (not (is_optional and is_critical)),
  constraint workflow_tasks_waits_legal check (waits_for >= 0)
) with (fillfactor = 70);
comment on table delivery.workflow_tasks is 'The tasks of workflows, and how they ended. A pending task whose job is leased is running: delivery.get_workflows says so.';
comment on column delivery.workflow_tasks.task_number is 'Its place in the definition, from 1.';
comment on column delivery.workflow_tasks.dependencies is 'Numbers of the tasks that must have ended well, or be optional, before this one may run.';
comment on column delivery.workflow_tasks.dependents is 'The same edges, the other way round.';
comment on column delivery.workflow_tasks.waits_for is 'Dependencies that have not ended; at 0 the task becomes a job.';
comment on column delivery.workflow_tasks.channel is 'What workers claim it by: its type, or the workflow''s id where one process alone runs it.';
comment on column delivery.workflow_tasks.lease is 'The lease under which it ended: tells a repeated completion from another one.';

create table delivery.jobs (
  tenant_id text collate "C" not null,
  workflow_id uuid not null,
  task_number integer not null,
  channel text collate "C" not null,
  rank integer not null default 10,
  available_at timestamptz not null default now(),
  ready_at timestamptz not null default now(),
  attempt integer not null default 0,
  attempts_left integer not null default 1,
  held boolean not null default false,
  retry_delay_ms integer not null default 60000,
  timeout_ms integer,
  lease uuid,
  leased_at timestamptz,
  timeout_at timestamptz,
  worker text,
  former_lease uuid,
  former_outcome text collate "C",
  constraint jobs_pkey primary key (tenant_id, workflow_id, task_number),
  constraint jobs_rank_legal check (rank between 0 and 10),
  constraint jobs_attempts_legal check (attempt >= 0 and attempts_left >= 0)
);
comment on table delivery.jobs is 'Tasks that may be claimed, or are: narrow rows that come and go. A claim moves available_at to the end of its lease, so a lease that has run out is a job to claim again, found by the same index.';
comment on column delivery.jobs.rank is '10 less the priority: the index is in the order of claims.';
comment on column delivery.jobs.available_at is 'When it may be claimed: for a leased one when the lease runs out.';
comment on column delivery.jobs.ready_at is 'When it became ready, or is to be tried again.';
comment on column delivery.jobs.attempts_left is 'Claims that it may still have; a leased one at 0 has its last, and fails when the lease runs out.';
comment on column delivery.jobs.held is 'Its workflow is paused.';
comment on column delivery.jobs.timeout_at is 'When this attempt has taken too long; the lease cannot be renewed beyond it.';
comment on column delivery.jobs.former_lease is 'The last lease that was given back, and how: tells a repeated call.';
create index jobs_claims on delivery.jobs (tenant_id, channel, rank, available_at) where attempts_left > 0 and not held;
create index jobs_exhausted on delivery.jobs (tenant_id, available_at) where attempts_left = 0 and not held;

create table delivery.workflow_history (
  tenant_id text collate "C" not null,
  workflow_id uuid not null,
  version bigint not null,
  changed_at timestamptz not null default now(),
  from_status text collate "C" not null,
  to_status text collate "C" not null,
  reason text,
  actor_type text collate "C",
  actor_id text collate "C",
  correlation_id text collate "C",
  constraint workflow_history_pkey primary key (tenant_id, workflow_id, version)
) partition by range (workflow_id);
comment on table delivery.workflow_history is 'The changes of workflows'' status, never changed. Partitioned by the month inside the workflow''s id, so that one partition holds all of a workflow.';
comment on column delivery.workflow_history.version is 'The version of the workflow that the change led to.';

insert into platform.partitioned_tables (schema_name, table_name, id_column, retention) values
  ('delivery', 'workflow_history', 'workflow_id', interval '3650 days');

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
-- What was recorded stays as it is; months retire with their partitions.
revoke update, delete on delivery.workflow_history from pgfleet_app;
-- The search runs as this role: under the tenant's policy alone, conditions that are not leakproof may not use an index.
-- delivery.find_workflows carries the tenant predicate itself.
create policy search_reads on delivery.workflow_details for select to pgfleet_search using (true);
grant select (tenant_id, workflow_id, tags, metadata, search) on delivery.workflow_details to pgfleet_search;
grant usage on schema delivery to pgfleet_search;
