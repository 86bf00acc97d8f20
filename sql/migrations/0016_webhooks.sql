--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- What GitHub's webhooks tell: deliveries, those that were rejected, and the observed runs, jobs, checks, branches and deployments.

create table delivery.webhook_deliveries (
  tenant_id text collate "C" not null,
  delivery_id text collate "C" not null,
  event text collate "C" not null,
  action text collate "C",
  received_at timestamptz not null default now(),
  constraint webhook_deliveries_pkey primary key (tenant_id, delivery_id)
);
comment on table delivery.webhook_deliveries is 'Webhooks that were taken in, by the id of their delivery: one that comes again changes nothing.';
create index webhook_deliveries_received_at on delivery.webhook_deliveries (tenant_id, received_at);

create table delivery.webhook_rejects (
  tenant_id text collate "C" not null,
  delivery_id text collate "C" not null,
  event text not null,
  reason text not null,
  payload jsonb,
  received_at timestamptz not null default now(),
  constraint webhook_rejects_pkey primary key (tenant_id, delivery_id)
);
comment on table delivery.webhook_rejects is 'Webhooks of an event or a shape that is not known, kept aside; nothing of them was applied.';
comment on column delivery.webhook_rejects.payload is 'What came, without the values of secret-like names; null when it was no JSON, or too long.';
create index webhook_rejects_received_at on delivery.webhook_rejects (tenant_id, received_at);

create table delivery.pipeline_runs (
  tenant_id text collate "C" not null,
  repository text collate "C" not null,
  run_id bigint not null,
  workflow_name text,
  event text collate "C",
  branch text collate "C",
  head_sha text collate "C" not null,
  attempt integer not null,
  run_number bigint,
  status text collate "C" not null,
  conclusion text collate "C",
  actor text collate "C",
  url text collate "C",
  created_at timestamptz,
  started_at timestamptz,
  updated_at timestamptz,
  seen text collate "C" not null,
  constraint pipeline_runs_pkey primary key (tenant_id, repository, run_id)
) with (fillfactor = 80);
comment on table delivery.pipeline_runs is 'Runs of GitHub workflows, as webhooks tell of them: observed, not dispatched from here.';
comment on column delivery.pipeline_runs.attempt is 'Counts re-runs, from 1; the row is of the last.';
comment on column delivery.pipeline_runs.conclusion is 'success, failure, cancelled, skipped, ...; null until it has completed.';
comment on column delivery.pipeline_runs.seen is 'Orders what is told of it: by attempt; a completed one last; else by updated_at.';
create index pipeline_runs_head on delivery.pipeline_runs (head_sha, tenant_id);
create index pipeline_runs_created_at on delivery.pipeline_runs (tenant_id, created_at);

create table delivery.pipeline_jobs (
  tenant_id text collate "C" not null,
  repository text collate "C" not null,
  job_id bigint not null,
  run_id bigint,
  attempt integer not null,
  name text not null,
  workflow_name text,
  branch text collate "C",
  head_sha text collate "C",
  status text collate "C" not null,
  conclusion text collate "C",
  runner text collate "C",
  labels jsonb not null default '[]'::jsonb,
  url text collate "C",
  created_at timestamptz,
  started_at timestamptz,
  completed_at timestamptz,
  seen text collate "C" not null,
  constraint pipeline_jobs_pkey primary key (tenant_id, repository, job_id)
) with (fillfactor = 80);
comment on table delivery.pipeline_jobs is 'Jobs of GitHub workflow runs, from webhooks or imported.';
comment on column delivery.pipeline_jobs.attempt is 'Of the run; 0 for an imported job, which webhooks know better.';
comment on column delivery.pipeline_jobs.created_at is 'When it was queued: it waited until started_at.';
comment on column delivery.pipeline_jobs.labels is 'An array of what its runner had to have.';
comment on column delivery.pipeline_jobs.seen is 'Orders what is told of it: by attempt; a completed one last; else by time.';
create index pipeline_jobs_started_at on delivery.pipeline_jobs (tenant_id, started_at);

create table delivery.checks (
  tenant_id text collate "C" not null,
  repository text collate "C" not null,
  check_kind text collate "C" not null,
  check_id bigint not null,
  name text,
  app text collate "C",
  branch text collate "C",
  head_sha text collate "C" not null,
  status text collate "C" not null,
  conclusion text collate "C",
  url text collate "C",
  started_at timestamptz,
  completed_at timestamptz,
  seen text collate "C" not null,
  constraint checks_pkey primary key (tenant_id, repository, check_kind, check_id),
  constraint checks_kind check (check_kind in ('run', 'suite'))
) with (fillfactor = 80);
comment on table delivery.checks is 'Check runs and check suites of GitHub; a pull requests CI status follows from the runs of its head.';
comment on column delivery.checks.check_kind is 'run or suite.';
comment on column delivery.checks.app is 'The slug of the app that made it.';
comment on column delivery.checks.seen is 'Orders what is told of it: a completed one last; else by time.';
create index checks_head on delivery.checks (head_sha, tenant_id);

create table delivery.branches (
  tenant_id text collate "C" not null,
  repository text collate "C" not null,
  ref text collate "C" not null,
  head_sha text collate "C",
  before_sha text collate "C",
  pusher text collate "C",
  commits integer not null,
  is_forced boolean not null,
  is_deleted boolean not null,
  compare_url text collate "C",
  pushed_at timestamptz,
  seen text collate "C" not null,
  constraint branches_pkey primary key (tenant_id, repository, ref)
) with (fillfactor = 80);
comment on table delivery.branches is 'Branches and tags, as the last push left them.';
comment on column delivery.branches.ref is 'Like refs/heads/main.';
comment on column delivery.branches.head_sha is 'Null when it was deleted.';
comment on column delivery.branches.commits is 'How many the push brought.';
comment on column delivery.branches.seen is 'Orders pushes, by pushed_at.';

create table delivery.deployments (
  tenant_id text collate "C" not null,
  repository text collate "C" not null,
  deployment_id bigint not null,
  environment text collate "C" not null,
  ref text collate "C",
  sha text collate "C" not null,
  task text,
  description text,
  creator text collate "C",
  url text,
  created_at timestamptz,
  seen text collate "C" not null,
  status text collate "C" not null default 'pending',
  status_id bigint,
  status_description text,
  status_url text,
  status_at timestamptz,
  constraint deployments_pkey primary key (tenant_id, repository, deployment_id)
) with (fillfactor = 80);
comment on table delivery.deployments is 'Deployments of GitHub with their last status.';
comment on column delivery.deployments.status is 'pending, queued, in_progress, success, failure, error, inactive, ...: of the status with the highest id.';
comment on column delivery.deployments.seen is 'Orders what is told of it, by updated_at; its status has an order of its own, status_id.';
create index deployments_environment on delivery.deployments (environment, tenant_id, created_at);

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
