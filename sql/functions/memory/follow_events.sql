-- memory.follow_events(tenant, log, transaction, sequence, types, rows): the next events of the log behind a position, in the
-- order (transaction_id, sequence), of transactions older than every running one: none can appear before them any more.
-- log: what platform.log_name() was when the position was read; null without a position. transaction null: the end of the
-- log when sequence is null too, else its beginning.
-- The position that is returned outlives a crash (platform.flush_wal): the call waits for the disk, but for a look that finds
-- nothing: that one stays where it was, unless all is on disk anyway or a thousand transactions have begun meanwhile.
-- types: LIKE patterns, null for all. rows: how many events are looked at, matching or not.
-- returns the matching events, each with its position; then one row without an event: the position that was reached, and
-- whether there is more to read at once.
-- Errors: PF001..PF003 (platform.enter), PF050 the position is of another database, or of the time before a restore.
create or replace function memory.follow_events(
  p_tenant text,
  p_log text,
  p_transaction xid8,
  p_sequence bigint,
  p_types text[],
  p_rows integer
)
returns table (
  log text,
  transaction_id xid8,
  sequence bigint,
  more boolean,
  event_id uuid,
  event_type text,
  occurred_at timestamptz,
  recorded_at timestamptz,
  session_id uuid,
  correlation_id text,
  source text,
  agent_id text,
  payload jsonb
)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_sort = off
as $$
#variable_conflict use_column
declare
  -- Taken before the events are read: what had ended by then is seen by the statement below.
  v_horizon xid8 := platform.log_transaction(pg_snapshot_xmin(pg_current_snapshot()));
  v_transaction xid8 := coalesce(p_transaction, '0'::xid8);
  v_sequence bigint := coalesce(p_sequence, 0);
  v_looked_at integer := 0;
  v_event record;
begin
  perform platform.enter(p_tenant);
  log := platform.log_name();
  if p_transaction is not null and (p_log is distinct from log or p_transaction > platform.log_transaction(pg_snapshot_xmax(pg_current_snapshot()))) then
    raise exception 'the cursor is of log %, at transaction %; this is log %', coalesce(quote_literal(p_log), 'null'), p_transaction, log
      using errcode = 'PF050', column = 'options.after';
  end if;
  if p_transaction is null and p_sequence is null then
    v_transaction := v_horizon;
  end if;
  for v_event in
    select e.* from memory.events e
    where e.tenant_id = p_tenant and (e.transaction_id, e.sequence) > (v_transaction, v_sequence) and e.transaction_id < v_horizon
    order by e.transaction_id, e.sequence
    limit p_rows
  loop
    v_looked_at := v_looked_at + 1;
    transaction_id := v_event.transaction_id;
    sequence := v_event.sequence;
    if p_types is null or v_event.event_type like any (p_types) then
      more := true;
      event_id := v_event.event_id;
      event_type := v_event.event_type;
      occurred_at := v_event.occurred_at;
      recorded_at := v_event.recorded_at;
      session_id := v_event.session_id;
      correlation_id := v_event.correlation_id;
      source := v_event.source;
      agent_id := v_event.agent_id;
      payload := v_event.payload;
      return next;
    end if;
  end loop;
  more := v_looked_at = p_rows;
  if not more then
    -- All that is older than the horizon was read; what comes has a sequence above 0.
    transaction_id := greatest(v_horizon, v_transaction);
    sequence := case when v_transaction > v_horizon then v_sequence else 0 end;
  end if;
  if (more or p_transaction is null or transaction_id > v_transaction)
    and not platform.flush_wal(
      p_transaction is null or v_looked_at > 0 or transaction_id::text::bigint - v_transaction::text::bigint >= 1000
    )
  then
    transaction_id := v_transaction;
    sequence := v_sequence;
  end if;
  event_id := null;
  event_type := null;
  occurred_at := null;
  recorded_at := null;
  session_id := null;
  correlation_id := null;
  source := null;
  agent_id := null;
  payload := null;
  return next;
end
$$;
comment on function memory.follow_events(text, text, xid8, bigint, text[], integer) is 'The next events of the log behind a position, missing none.';
revoke all on function memory.follow_events(text, text, xid8, bigint, text[], integer) from public;
grant execute on function memory.follow_events(text, text, xid8, bigint, text[], integer) to pgfleet_app;
