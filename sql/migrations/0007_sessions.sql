--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- Sessions: what an agent or a conversation keeps between calls, with a state machine and an expiry.

create table memory.sessions (
  tenant_id text collate "C" not null,
  session_id uuid not null,
  state text collate "C" not null default 'active',
  data jsonb not null default '{}'::jsonb,
  content_hash uuid not null,
  version bigint not null default 1,
  retention_days integer not null default 30,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  last_accessed_at timestamptz not null default now(),
  ended_at timestamptz,
  expires_at timestamptz not null,
  constraint sessions_pkey primary key (tenant_id, session_id),
  constraint sessions_state_legal check (state in ('active', 'suspended', 'completed', 'failed', 'archived')),
  constraint sessions_data_object check (jsonb_typeof(data) = 'object'),
  constraint sessions_version_positive check (version >= 1),
  constraint sessions_retention_legal check (retention_days between 1 and 36500)
) with (fillfactor = 80);
comment on table memory.sessions is 'One row a session. Its state changes as memory.next_session_states says; past expires_at it is expired, whatever its state.';
comment on column memory.sessions.content_hash is 'Hash of the data that it was created with: tells a retry from another use of the same id.';
comment on column memory.sessions.version is 'Grows by one with every change of data or state.';
comment on column memory.sessions.last_accessed_at is 'When it was last changed or touched, to the minute.';
comment on column memory.sessions.expires_at is 'Midnight (UTC) that ends the retention after the last change or touch.';
-- Changes of data alone leave the indexed columns as they are, but once a day, so they are HOT.
create index sessions_state on memory.sessions (tenant_id, state, session_id);
create index sessions_expires_at on memory.sessions (tenant_id, expires_at);

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
