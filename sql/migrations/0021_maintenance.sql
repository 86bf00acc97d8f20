--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- Maintenance: which process leads it, what its services did, and how long each tenant wants its rows kept. The role
-- pgfleet_operator is made by sql/bootstrap.sql; it writes to these tables by functions alone.

grant usage on schema platform, metadata to pgfleet_operator;

create table platform.maintenance_leases (
  lease_name text not null,
  holder text not null,
  token bigint not null,
  acquired_at timestamptz not null,
  expires_at timestamptz not null,
  constraint maintenance_leases_pkey primary key (lease_name)
);
comment on table platform.maintenance_leases is 'Who leads maintenance, until when by the clock of this server. One row.';
comment on column platform.maintenance_leases.token is 'Grows with each change of leader; a batch goes on only under the present one.';
insert into platform.maintenance_leases (lease_name, holder, token, acquired_at, expires_at)
values ('maintenance', '', 0, '-infinity', '-infinity');

create table platform.maintenance_runs (
  run_id uuid not null,
  service text not null,
  leader text not null,
  token bigint not null,
  is_dry_run boolean not null,
  started_at timestamptz not null,
  ended_at timestamptz,
  outcome text,
  done jsonb not null default '{}'::jsonb,
  error_code text,
  error_message text,
  constraint maintenance_runs_pkey primary key (run_id),
  constraint maintenance_runs_outcome_known check (outcome in ('ok', 'failed', 'interrupted', 'skipped')),
  constraint maintenance_runs_outcome_at_end check ((outcome is null) = (ended_at is null)),
  constraint maintenance_runs_done_object check (jsonb_typeof(done) = 'object')
);
comment on table platform.maintenance_runs is 'One row a run of a maintenance service.';
comment on column platform.maintenance_runs.done is 'What was done: counts by what they count, and items with the statement that undoes them where there is one.';
comment on column platform.maintenance_runs.outcome is 'Null while it runs; interrupted: stopped, or its leader was lost.';
create index maintenance_runs_service on platform.maintenance_runs (service, run_id);
create index maintenance_runs_open on platform.maintenance_runs (run_id) where ended_at is null;

create table platform.maintenance_positions (
  service text not null,
  position text not null,
  noted_at timestamptz not null,
  constraint maintenance_positions_pkey primary key (service)
);
comment on table platform.maintenance_positions is 'The tenant behind which the next run of a service goes on; no row: from the first.';

create table platform.retention_policies (
  tenant_id text collate "C" not null,
  schema_name text collate "C" not null,
  table_name text collate "C" not null,
  keep interval not null,
  changed_at timestamptz not null default now(),
  constraint retention_policies_pkey primary key (tenant_id, schema_name, table_name),
  constraint retention_policies_keep_a_day check (keep >= interval '1 day')
);
comment on table platform.retention_policies is 'How long a tenant wants rows of a table kept, where that differs from what is registered for all.';
comment on column platform.retention_policies.keep is 'By the time inside the id of a row; for webhooks since they came, for the graph since a version was superseded.';

alter table platform.retention_policies enable row level security;
alter table platform.retention_policies force row level security;
create policy tenant_isolation on platform.retention_policies for select using (tenant_id = (select current_setting('pgfleet.tenant', true)));
create policy owner_administers on platform.retention_policies to pgfleet_owner using (true) with check (true);

grant select on platform.retention_policies to pgfleet_app;
grant select on platform.maintenance_leases, platform.maintenance_runs to pgfleet_operator, pgfleet_monitor;
-- The ledger too: whoever opens a fleet looks whether the schema is up to date.
grant select on platform.maintenance_positions, platform.partitioned_tables, platform.migrations, platform.routines to pgfleet_operator;
