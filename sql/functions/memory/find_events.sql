-- memory.find_events(tenant, query): a page of events by time, type, correlation id, session and payload, in the order of
-- their ids, which begin with their time.
--
-- query: a jsonb object
--   from, to timestamptz: occurred at or after, and before; types: an array of LIKE patterns; correlation_id text;
--   session_id uuid; payload: what an event's payload contains (@>); source, agent_id text; descending boolean (false);
--   limit integer: events returned at most; scan integer: events looked at at most;
--   after uuid: the event that the last page reached
-- returns the events; then, unless the log was read to its end, one row without an event, whose id is the one reached.
-- Errors: PF001..PF003 (platform.enter).
--
-- Planned for each call, since the values decide how few months are read and which index is the narrow one.
create or replace function memory.find_events(p_tenant text, p_query jsonb)
returns table (
  reached uuid,
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
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set enable_sort = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
  -- Beyond this a merge of the types costs more than reading along the time.
  c_types_max constant integer := 50;
  v_correlation text := p_query ->> 'correlation_id';
  v_session uuid := p_query ->> 'session_id';
  v_source text := p_query ->> 'source';
  v_agent text := p_query ->> 'agent_id';
  v_payload jsonb := p_query -> 'payload';
  v_descending boolean := coalesce((p_query ->> 'descending')::boolean, false);
  v_limit integer := p_query ->> 'limit';
  v_scan integer := p_query ->> 'scan';
  v_after uuid := p_query ->> 'after';
  v_patterns text[] := array(select jsonb_array_elements_text(p_query -> 'types'));
  v_types text[];
  v_filtered boolean;
  -- From the one, and before the other.
  v_lowest uuid := platform.uuid_floor((p_query ->> 'from')::timestamptz);
  v_highest uuid := platform.uuid_floor((p_query ->> 'to')::timestamptz);
  v_events refcursor;
  v_event record;
  v_found integer := 0;
  v_looked_at integer := 0;
begin
  perform platform.enter(p_tenant);
  if cardinality(v_patterns) = 0 then
    v_patterns := null;
  end if;
  v_lowest := coalesce(v_lowest, '00000000-0000-0000-0000-000000000000');
  v_highest := coalesce(v_highest, 'ffffffff-ffff-ffff-ffff-ffffffffffff');
  if v_descending then
    v_highest := least(v_highest, v_after);
  else
    v_lowest := greatest(v_lowest, v_after);
  end if;
  if v_patterns is not null and v_correlation is null and v_session is null then
    v_types := memory.event_types_like(p_tenant, v_patterns, c_types_max);
  end if;
  v_filtered := v_payload is not null or v_source is not null or v_agent is not null or (v_patterns is not null and v_types is null);
  if not v_filtered then
    v_scan := v_limit;
  end if;

  if v_types is not null and not v_descending then
    open v_events no scroll for
      select f.* from unnest(v_types) as t(event_type) cross join lateral (
        select e.* from memory.events e
        where e.tenant_id = p_tenant and e.event_id >= v_lowest and e.event_id < v_highest and e.event_type = t.event_type
          and (v_after is null or e.event_id > v_after)
        order by e.event_id
        limit v_scan
      ) f
      order by f.event_id
      limit v_scan;
  elsif v_types is not null then
    open v_events no scroll for
      select f.* from unnest(v_types) as t(event_type) cross join lateral (
        select e.* from memory.events e
        where e.tenant_id = p_tenant and e.event_id >= v_lowest and e.event_id < v_highest and e.event_type = t.event_type
        order by e.event_id desc
        limit v_scan
      ) f
      order by f.event_id desc
      limit v_scan;
  elsif not v_descending then
    open v_events no scroll for
      select e.* from memory.events e
      where e.tenant_id = p_tenant and e.event_id >= v_lowest and e.event_id < v_highest
        and (v_correlation is null or e.correlation_id = v_correlation)
        and (v_session is null or e.session_id = v_session)
        and (v_after is null or e.event_id > v_after)
      order by e.event_id
      limit v_scan;
  else
    open v_events no scroll for
      select e.* from memory.events e
      where e.tenant_id = p_tenant and e.event_id >= v_lowest and e.event_id < v_highest
        and (v_correlation is null or e.correlation_id = v_correlation)
        and (v_session is null or e.session_id = v_session)
      order by e.event_id desc
      limit v_scan;
  end if;

  loop
    fetch v_events into v_event;
    exit when not found;
    v_looked_at := v_looked_at + 1;
    reached := v_event.event_id;
    if (v_payload is null or v_event.payload @> v_payload)
      and (v_source is null or v_event.source = v_source)
      and (v_agent is null or v_event.agent_id = v_agent)
      and (v_patterns is null or v_types is not null or v_event.event_type like any (v_patterns))
    then
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
      v_found := v_found + 1;
      exit when v_found = v_limit;
    end if;
  end loop;
  close v_events;
  if v_found = v_limit or v_looked_at = v_scan then
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
  end if;
end
$$;
comment on function memory.find_events(text, jsonb) is 'A page of events by time, type, correlation id, session and payload.';
revoke all on function memory.find_events(text, jsonb) from public;
grant execute on function memory.find_events(text, jsonb) to pgfleet_app;
