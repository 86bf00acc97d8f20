-- memory.append_events(tenant, events): appends to the event log; idempotent by id.
--
-- events: a jsonb array of objects
--   id uuid (version 7), whose time is that of the event, and type text: required
--   session_id uuid; correlation_id, source, agent_id text; payload jsonb ({})
-- returns the ordinals of the events whose id was there before, or comes a second time; nothing of those was written. A
-- batch of new events returns no row.
-- Readers that follow the log see the events of a call in the order of the array.
-- Errors: PF001..PF003 (platform.enter), PF007 the quota is reached, PF006 the id's time lies outside the window of the log.
create or replace function memory.append_events(p_tenant text, p_events jsonb)
returns table (ordinal integer)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
-- A batch is sorted in memory: it has at most 8 MB.
set work_mem = '32MB'
as $$
#variable_conflict use_column
declare
  v_count bigint;
  v_first text;
  v_last text;
  v_month timestamptz;
  v_before bigint;
  v_inserted bigint;
  v_transaction xid8;
begin
  perform platform.enter(p_tenant);
  perform platform.check_quota(p_tenant, 'events');
  -- As text: uuid has no min before PostgreSQL 18.
  select count(*), min(lower(x.id)), max(lower(x.id)) into v_count, v_first, v_last
  from jsonb_to_recordset(p_events) as x(id text collate "C");
  -- The first twelve digits of an id are its milliseconds. Written out, here and below: platform.uuid_time costs as much
  -- as a row.
  v_month := date_trunc('month', to_timestamp(('x0000' || translate(left(v_first, 13), '-', ''))::bit(64)::bigint / 1000.0::double precision), 'UTC');
  -- The usual batch is of one month, whose partition is there, and not of long ago.
  if v_month is distinct from
      date_trunc('month', to_timestamp(('x0000' || translate(left(v_last, 13), '-', ''))::bit(64)::bigint / 1000.0::double precision), 'UTC')
    or v_month not between now() - interval '350 days' and now()
    or to_regclass('memory.events_p' || to_char(v_month at time zone 'UTC', 'YYYYMM')) is null
  then
    perform platform.ensure_partitions('memory', 'events', array(
      select x.id from rows from (jsonb_to_recordset(p_events) as (id uuid)) with ordinality as x order by x.ordinality
    ), 'events');
  end if;
  v_before := nextval('memory.event_sequence');
  -- A long batch is new as a rule, and on conflict would look each key up once more and write it to the log of the database twice: a
  -- sixth of what a row costs. A batch that is sent again is known by its first id; any other id that is there undoes this attempt.
  if v_count >= 100 and not exists (select from memory.events e where e.tenant_id = p_tenant and e.event_id = v_first::uuid) then
    begin
      insert into memory.events
        (tenant_id, event_id, sequence, occurred_at, session_id, event_type, correlation_id, source, agent_id, payload)
      select p_tenant, n.id, n.sequence,
        to_timestamp(('x0000' || translate(left(n.id::text, 13), '-', ''))::bit(64)::bigint / 1000.0::double precision),
        n.session_id, n.type, n.correlation_id, n.source, n.agent_id, coalesce(n.payload, '{}'::jsonb)
      from (
        select x.*, nextval('memory.event_sequence') as sequence
        from jsonb_to_recordset(p_events) as x(id uuid, type text, session_id uuid, correlation_id text, source text,
          agent_id text, payload jsonb)
      ) n
      order by n.id, n.sequence;
      return;
    exception when unique_violation then
      -- Appended below, less what is there.
    end;
  end if;
  insert into memory.events
    (tenant_id, event_id, sequence, occurred_at, session_id, event_type, correlation_id, source, agent_id, payload)
  select p_tenant, n.id, n.sequence,
    to_timestamp(('x0000' || translate(left(n.id::text, 13), '-', ''))::bit(64)::bigint / 1000.0::double precision),
    n.session_id, n.type, n.correlation_id, n.source, n.agent_id, coalesce(n.payload, '{}'::jsonb)
  from (
    select x.*, nextval('memory.event_sequence') as sequence
    from jsonb_to_recordset(p_events) as x(id uuid, type text, session_id uuid, correlation_id text, source text,
      agent_id text, payload jsonb)
  ) n
  order by n.id, n.sequence
  on conflict (tenant_id, event_id) do nothing;
  get diagnostics v_inserted = row_count;
  if v_inserted = v_count then
    return;
  end if;
  v_transaction := platform.log_transaction(pg_current_xact_id());
  return query
  select i.ordinality::integer
  from (select u.id, u.ordinality, row_number() over (partition by u.id order by u.ordinality) as place
    from rows from (jsonb_to_recordset(p_events) as (id uuid)) with ordinality as u) i
  join memory.events e on e.tenant_id = p_tenant and e.event_id = i.id
  where i.place > 1 or e.transaction_id <> v_transaction or e.sequence < v_before;
end
$$;
comment on function memory.append_events(text, jsonb) is 'Appends many events to the log; idempotent by id.';
revoke all on function memory.append_events(text, jsonb) from public;
grant execute on function memory.append_events(text, jsonb) to pgfleet_app;
