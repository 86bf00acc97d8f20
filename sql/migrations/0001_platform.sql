--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- Tenants, and what keeps them apart.

comment on schema platform is 'Shared by all stores: tenants, partitions, migrations.';
grant usage on schema platform to pgfleet_app, pgfleet_monitor, pgfleet_search;

create table platform.tenants (
  tenant_id text collate "C" not null,
  display_name text,
  quotas jsonb not null default '{}'::jsonb,
  metadata jsonb not null default '{}'::jsonb,
  created_at timestamptz not null default now(),
  constraint tenants_pkey primary key (tenant_id),
  constraint tenants_id_legal check (tenant_id ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
  constraint tenants_quotas_object check (jsonb_typeof(quotas) = 'object'),
  constraint tenants_metadata_object check (jsonb_typeof(metadata) = 'object')
);
comment on table platform.tenants is 'One row a tenant. A tenant sees its own row alone; pgfleet_owner and pgfleet_monitor see all.';
comment on column platform.tenants.tenant_id is '1 to 63 characters a-z, 0-9, -, _ or ., beginning with a letter or digit; never changed.';
comment on column platform.tenants.quotas is 'Most rows allowed, by resource: {"q_values": 1000000}. A resource that is absent has no limit.';

create table platform.tenant_usage (
  tenant_id text collate "C" not null,
  resource text not null,
  row_count bigint not null,
  measured_at timestamptz not null,
  constraint tenant_usage_pkey primary key (tenant_id, resource),
  constraint tenant_usage_count_positive check (row_count >= 0)
);
comment on table platform.tenant_usage is 'Rows a tenant held of each resource when last measured; quotas are enforced against it.';

create table platform.partitioned_tables (
  schema_name text not null,
  table_name text not null,
  id_column text not null,
  retention interval not null,
  constraint partitioned_tables_pkey primary key (schema_name, table_name),
  constraint partitioned_tables_retention_positive check (retention > interval '0')
);
comment on table platform.partitioned_tables is 'The tables that are partitioned by the month inside their UUIDv7, and how long their rows are kept.';
comment on column platform.partitioned_tables.retention is 'A partition is dropped when its newest possible row is older than this.';

alter table platform.tenants enable row level security;
alter table platform.tenants force row level security;
create policy tenant_isolation on platform.tenants for select using (tenant_id = (select current_setting('pgfleet.tenant', true)));
create policy owner_administers on platform.tenants to pgfleet_owner using (true) with check (true);
create policy monitor_reads on platform.tenants for select to pgfleet_monitor using (true);

alter table platform.tenant_usage enable row level security;
alter table platform.tenant_usage force row level security;
create policy tenant_isolation on platform.tenant_usage
  using (tenant_id = (select current_setting('pgfleet.tenant', true)))
  with check (tenant_id = (select current_setting('pgfleet.tenant', true)));
create policy monitor_reads on platform.tenant_usage for select to pgfleet_monitor using (true);

grant select on platform.tenants to pgfleet_app, pgfleet_monitor;
grant select, insert, update on platform.tenant_usage to pgfleet_app;
grant select on platform.tenant_usage to pgfleet_monitor;
grant select on platform.partitioned_tables to pgfleet_app, pgfleet_monitor;
