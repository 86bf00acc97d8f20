--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- The delivery store, and its audit log: append-only, partitioned by the month inside the row's UUIDv7.

create schema delivery;
comment on schema delivery is 'What agents do: workflows, agent sessions, pull requests, metrics, and the audit of all of it.';
grant usage on schema delivery to pgfleet_app, pgfleet_monitor;

-- Cached: numbers are compared within a transaction only, which is one session.
create sequence delivery.audit_sequence as bigint cache 100;
comment on sequence delivery.audit_sequence is 'Orders the audit rows of one transaction; gaps mean nothing.';
grant usage on sequence delivery.audit_sequence to pgfleet_app;

create table delivery.audit_log (
  tenant_id text collate "C" not null,
  audit_id uuid not null,
  transaction_id xid8 not null default pg_current_xact_id(),
  sequence bigint not null default nextval('delivery.audit_sequence'),
  recorded_at timestamptz not null default statement_timestamp(),
  entity_type text collate "C" not null,
  entity_id text collate "C" not null,
  action text collate "C" not null,
  result text collate "C" not null default 'success',
  security_level text collate "C" not null default 'normal',
  actor_type text collate "C",
  actor_id text collate "C",
  correlation_id text collate "C",
  changes jsonb not null default '{}'::jsonb,
  constraint audit_log_pkey primary key (tenant_id, audit_id),
  constraint audit_log_entity check (entity_type <> '' and entity_id <> ''),
  constraint audit_log_action check (action in ('create', 'read', 'update', 'delete', 'execute', 'approve', 'reject', 'start', 'stop', 'pause', 'resume', 'deploy', 'rollback', 'login', 'logout')),
  constraint audit_log_result check (result in ('success', 'failure', 'partial', 'timeout', 'cancelled')),
  constraint audit_log_security_level check (security_level in ('low', 'normal', 'high', 'critical')),
  constraint audit_log_actor_type check (actor_type in ('user', 'agent', 'system', 'api', 'webhook', 'scheduler'))
) partition by range (audit_id);
comment on table delivery.audit_log is 'Who changed what: one row a mutation of the delivery store, never changed. Partitioned by the month inside the id.';
comment on column delivery.audit_log.audit_id is 'A UUIDv7 with the time of recorded_at, so that a range of time is a range of ids.';
comment on column delivery.audit_log.transaction_id is 'The transaction of the mutation. The sealer takes those below the oldest running one, in the order (transaction_id, sequence), and misses nothing.';
comment on column delivery.audit_log.entity_type is 'workflow, task, agent_session, interaction, pull_request, metric, or a word of the caller.';
comment on column delivery.audit_log.changes is 'The changed fields by name: [before, after], or for what was created the value alone. Values of secret-like names are redacted.';
comment on column delivery.audit_log.actor_type is 'Who did it, as given to tenant.as(); null when nobody was given.';
comment on column delivery.audit_log.correlation_id is 'What belongs together: a run, a request, a trace.';
create index audit_log_order on delivery.audit_log (tenant_id, transaction_id, sequence);
create index audit_log_entity on delivery.audit_log (entity_type, tenant_id, entity_id, audit_id);

insert into platform.partitioned_tables (schema_name, table_name, id_column, retention) values
  ('delivery', 'audit_log', 'audit_id', interval '400 days');

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
revoke update, delete on delivery.audit_log from pgfleet_app;
