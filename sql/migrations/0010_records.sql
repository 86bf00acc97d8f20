--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- The memory store's records: hook executions, transitions, agent states, workflow states, key-values. No foreign keys:
-- each inserted row would lock the parent row it shares with every other writer.

create table memory.hook_executions (
  tenant_id text collate "C" not null,
  execution_id uuid not null,
  hook_id text collate "C" not null,
  hook_type text collate "C" not null,
  correlation_id text collate "C",
  occurred_at timestamptz not null,
  duration_ms double precision not null default 0,
  priority integer not null default 0,
  context_bytes integer not null default 0,
  is_modified boolean not null default false,
  is_sensitive boolean not null default false,
  outcome text not null default 'continue',
  triggered_by text,
  component_id text,
  context_codec text,
  context bytea,
  result jsonb,
  tags text[] not null default '{}',
  metadata jsonb not null default '{}'::jsonb,
  archive_id uuid,
  constraint hook_executions_pkey primary key (tenant_id, execution_id),
  constraint hook_executions_names_length check (length(hook_id) between 1 and 200 and length(hook_type) between 1 and 100),
  constraint hook_executions_outcome_legal check (outcome in ('continue', 'modified', 'cancel', 'redirect', 'replace', 'retry', 'fork', 'cache', 'skipped')),
  constraint hook_executions_codec_legal check ((context is null) = (context_codec is null) and context_codec in ('identity', 'deflate')),
  constraint hook_executions_priority_range check (priority between 0 and 10),
  constraint hook_executions_duration_positive check (duration_ms >= 0 and duration_ms < 'infinity'),
  constraint hook_executions_context_bytes_positive check (context_bytes >= 0)
) partition by range (execution_id);
comment on table memory.hook_executions is 'What ran when a hook fired. Partitioned by the month inside the id, whose order is the order of recording.';
comment on column memory.hook_executions.occurred_at is 'When it happened; retention and archiving go by the time inside the id.';
comment on column memory.hook_executions.priority is '0 to 10: how much it matters to keep the row; see memory.apply_hook_retention.';
comment on column memory.hook_executions.context is 'Canonical JSON in UTF-8, by the codec: identity as it is, deflate as a zlib stream (RFC 1950).';
comment on column memory.hook_executions.context_bytes is 'Bytes of the context before the codec.';
comment on column memory.hook_executions.archive_id is 'The last archive that the row was written out to; confirming that archive deletes the row.';
-- What comes compressed is not worth trying again.
alter table memory.hook_executions alter column context set storage external;
create index hook_executions_hook on memory.hook_executions (tenant_id, hook_id, execution_id) include (priority);
create index hook_executions_type on memory.hook_executions (tenant_id, hook_type, execution_id);
create index hook_executions_correlation on memory.hook_executions (tenant_id, correlation_id, execution_id) where correlation_id is not null;

create table memory.hook_archives (
  tenant_id text collate "C" not null,
  archive_id uuid not null,
  before timestamptz not null,
  priority_max integer not null default 10,
  execution_count bigint not null default 0,
  deleted_count bigint not null default 0,
  started_at timestamptz not null default now(),
  completed_at timestamptz,
  confirmed_at timestamptz,
  constraint hook_archives_pkey primary key (tenant_id, archive_id),
  constraint hook_archives_counts_positive check (execution_count >= 0 and deleted_count >= 0),
  constraint hook_archives_steps_ordered check (confirmed_at is null or completed_at is not null)
);
comment on table memory.hook_archives is 'Receipts: which executions were written out, and whether the caller has confirmed that they are stored elsewhere.';
comment on column memory.hook_archives.completed_at is 'Set when the last row had been written out; before that an archive cannot be confirmed.';

create table memory.transitions (
  tenant_id text collate "C" not null,
  source_hash uuid not null,
  target_hash uuid not null,
  frequency bigint not null,
  frequency_class integer not null generated always as ((length(ltrim(frequency::bit(64)::text, '0')) + 1) / 2) stored,
  first_seen_at timestamptz not null,
  last_seen_at timestamptz not null,
  scope text collate "C" not null,
  key text collate "C" not null,
  from_value text,
  to_value text not null,
  constraint transitions_pkey primary key (tenant_id, source_hash, target_hash),
  constraint transitions_frequency_positive check (frequency > 0),
  constraint transitions_names_length check (length(scope) between 1 and 500 and length(key) between 1 and 500)
) with (fillfactor = 85);
comment on table memory.transitions is 'Procedural patterns: how often a value of a key, within a scope, was followed by which. The frequency is in no index, so counting is HOT.';
comment on column memory.transitions.source_hash is 'The content hash of [scope, key, from_value]; target_hash that of to_value.';
comment on column memory.transitions.from_value is 'Null: the first value, which nothing came before.';
comment on column memory.transitions.frequency_class is 'Half the bits of the frequency: it changes when the frequency has grown fourfold, so an index on it costs few HOT updates and still leads to the most frequent.';
create index transitions_frequent on memory.transitions (tenant_id, frequency_class desc);
create index transitions_frequent_in_scope on memory.transitions (tenant_id, scope, frequency_class desc);

create table memory.agent_states (
  tenant_id text collate "C" not null,
  agent_id text collate "C" not null,
  version bigint not null default 0,
  schema_version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  agent_type text collate "C",
  checksum bytea,
  state jsonb,
  constraint agent_states_pkey primary key (tenant_id, agent_id),
  constraint agent_states_names_length check (length(agent_id) between 1 and 200 and length(agent_type) between 1 and 100),
  constraint agent_states_versions_positive check (version >= 0 and schema_version >= 1),
  constraint agent_states_complete check (version = 0 or (state is not null and length(checksum) = 32))
) with (fillfactor = 80);
comment on table memory.agent_states is 'The last saved state of each agent, by version.';
comment on column memory.agent_states.version is 'Saves so far. 0 only inside the transaction that makes the row.';
comment on column memory.agent_states.checksum is 'SHA-256 of the state''s canonical JSON (RFC 8785), made and verified by the client.';
create index agent_states_type on memory.agent_states (tenant_id, agent_type, agent_id);

create table memory.workflow_states (
  tenant_id text collate "C" not null,
  workflow_id text collate "C" not null,
  version bigint not null default 0,
  current_step integer not null default 0,
  started_at timestamptz,
  completed_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  status text collate "C" not null default 'pending',
  workflow_name text,
  state jsonb,
  constraint workflow_states_pkey primary key (tenant_id, workflow_id),
  constraint workflow_states_names_length check (length(workflow_id) between 1 and 200 and length(workflow_name) between 1 and 200),
  constraint workflow_states_version_positive check (version >= 0),
  constraint workflow_states_complete check (version = 0 or state is not null),
  constraint workflow_states_step_positive check (current_step >= 0),
  constraint workflow_states_status_legal check (status in ('pending', 'running', 'completed', 'failed', 'cancelled')),
  constraint workflow_states_started_once_running check (case status when 'pending' then started_at is null when 'cancelled' then true else started_at is not null end),
  constraint workflow_states_completed_when_final check ((completed_at is not null) = (status in ('completed', 'failed', 'cancelled')))
) with (fillfactor = 80);
comment on table memory.workflow_states is 'The state of each workflow: pending, running, then completed, failed or cancelled.';
comment on column memory.workflow_states.version is 'Saves and transitions so far. 0 only inside the transaction that makes the row.';
create index workflow_states_status on memory.workflow_states (tenant_id, status, workflow_id);

create table memory.key_values (
  tenant_id text collate "C" not null,
  key text collate "C" not null,
  version bigint not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  expires_at timestamptz not null,
  value jsonb,
  bytes bytea,
  constraint key_values_pkey primary key (tenant_id, key),
  constraint key_values_key_length check (length(key) between 1 and 500),
  constraint key_values_version_positive check (version >= 0),
  constraint key_values_one_value check (version = 0 or (value is null) <> (bytes is null))
) with (fillfactor = 80);
comment on table memory.key_values is 'Values by key: JSON, or bytes.';
comment on column memory.key_values.version is 'Writes since the key was made or last expired. 0 only inside the transaction that makes the row.';
comment on column memory.key_values.expires_at is 'The row is gone from then on; infinity: it stays.';
-- Finds the expired rows without making updates non-HOT, as a B-tree on the deadline would.
create index key_values_expires_at on memory.key_values using brin (expires_at) with (pages_per_range = 32, autosummarize = on);

insert into platform.partitioned_tables (schema_name, table_name, id_column, retention) values
  ('memory', 'hook_executions', 'execution_id', interval '400 days');

-- The setting is read in a sub-select: once a statement instead of once a row.
do $$
declare
  v_table regclass;
begin
  for v_table in
    select c.oid from pg_class c
    where c.relnamespace = 'memory'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity
  loop
    execute format('alter table %s enable row level security', v_table);
    execute format('alter table %s force row level security', v_table);
    execute format('create policy tenant_isolation on %s using (tenant_id = (select current_setting(''pgfleet.tenant'', true))) with check (tenant_id = (select current_setting(''pgfleet.tenant'', true)))', v_table);
    execute format('grant select, insert, update, delete on %s to pgfleet_app', v_table);
  end loop;
end
$$;
