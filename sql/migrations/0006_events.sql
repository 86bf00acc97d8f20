--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- The event log. Append-only, partitioned by the month inside the event's UUIDv7.

-- Cached: numbers are compared within a transaction only, which is one session.
create sequence memory.event_sequence as bigint cache 100;
comment on sequence memory.event_sequence is 'Orders the events of one transaction; gaps mean nothing.';
grant usage on sequence memory.event_sequence to pgfleet_app;

create table memory.events (
  tenant_id text collate "C" not null,
  event_id uuid not null,
  transaction_id xid8 not null default pg_current_xact_id(),
  sequence bigint not null default nextval('memory.event_sequence'),
  occurred_at timestamptz not null,
  recorded_at timestamptz not null default now(),
  session_id uuid,
  event_type text collate "C" not null,
  correlation_id text collate "C",
  source text,
  agent_id text,
  payload jsonb not null default '{}'::jsonb,
  constraint events_pkey primary key (tenant_id, event_id),
  constraint events_type_length check (event_type <> '')
) partition by range (event_id);
comment on table memory.events is 'What happened: one row an event, never changed. Partitioned by the month inside the id.';
comment on column memory.events.event_id is 'A UUIDv7. Its time is the time of the event, so that a range of time is a range of ids, and a query reads its months alone.';
comment on column memory.events.occurred_at is 'The time inside the id, for those who read the table; ranges of time are looked up as ranges of ids.';
comment on column memory.events.recorded_at is 'When the transaction began that appended it.';
comment on column memory.events.transaction_id is 'The transaction that appended it. A reader that follows the log takes those below the oldest running one, in the order (transaction_id, sequence), and misses nothing.';
comment on column memory.events.sequence is 'The order within the transaction.';
comment on column memory.events.correlation_id is 'What belongs together: a run, a request, a trace.';
create index events_log on memory.events (tenant_id, transaction_id, sequence);
create index events_type on memory.events (tenant_id, event_type, event_id);
create index events_correlation on memory.events (tenant_id, correlation_id, event_id) where correlation_id is not null;
create index events_session on memory.events (tenant_id, session_id, event_id) where session_id is not null;

insert into platform.partitioned_tables (schema_name, table_name, id_column, retention) values
  ('memory', 'events', 'event_id', interval '400 days');

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
-- Nothing that happened is changed, or removed one by one: months retire with their partitions.
revoke update, delete on memory.events from pgfleet_app;
