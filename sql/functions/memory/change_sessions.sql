-- memory.change_sessions(tenant, changes): changes data or state of sessions, renews their expiry, and returns them as they
-- are after each change, in order. changes: a jsonb array of {id uuid, data jsonb object (replaces), patch jsonb object
-- (members replace those of the same name), state text, expected_version bigint, retention_days integer}; one with an id
-- alone touches. Several changes of one session are applied one after the other, each seeing the last. Going to the state
-- that it is in changes nothing. All of them are applied, or none.
-- Errors: PF001..PF003 (platform.enter), PF008 no such session, PF041 its state does not allow it (expired ones allow
-- nothing), PF042 it is not at the expected version, PF005 data over 262144 characters.
create or replace function memory.change_sessions(p_tenant text, p_changes jsonb)
returns table (ordinal integer, session_id uuid, state text, data jsonb, version bigint, retention_days integer,
  created_at timestamptz, updated_at timestamptz, last_accessed_at timestamptz, ended_at timestamptz, expires_at timestamptz)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
set enable_material = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz;
  v_rounds bigint;
  v_bad record;
  v_state text;
  v_changed uuid[];
  v_ids uuid[];
  v_items integer := jsonb_array_length(p_changes);
begin
  perform platform.enter(p_tenant);
  select array_agg(x.id) into v_ids from jsonb_to_recordset(p_changes) as x(id uuid);
  -- In one order, so that batches cannot deadlock each other. Not the key: artifacts may refer to it meanwhile.
  perform from memory.sessions s
  where s.tenant_id = p_tenant and s.session_id = any (v_ids)
  order by s.session_id
  for no key update;
  -- Behind the locks, so that the times of one session go forward.
  v_now := clock_timestamp();
  select max(x.times) into v_rounds
  from (select count(*) as times from jsonb_to_recordset(p_changes) as x(id uuid) group by x.id) x;
  for v_round in 1 .. coalesce(v_rounds, 0) loop
    with changed as (
      update memory.sessions s
      set data = case when x.patch is null then coalesce(x.data, s.data) else coalesce(x.data, s.data) || x.patch end,
        state = coalesce(x.state, s.state),
        version = s.version + x.changes::integer,
        updated_at = case when x.changes then v_now else s.updated_at end,
        retention_days = x.days,
        last_accessed_at = v_now,
        ended_at = case when x.state in ('completed', 'failed') then coalesce(s.ended_at, v_now) else s.ended_at end,
        expires_at = x.until
      from (
        select x.id, x.data, x.patch, x.state,
          x.data is not null or x.patch is not null or coalesce(x.state <> b.state, false) as changes,
          coalesce(x.retention_days, b.retention_days) as days,
          date_trunc('day', v_now, 'UTC') + make_interval(days => coalesce(x.retention_days, b.retention_days) + 1) as until,
          b.expires_at > v_now and (x.expected_version is null or b.version = x.expected_version)
            and (x.state is null or x.state = b.state or x.state = any (memory.next_session_states(b.state)))
            and (b.state <> 'archived' or (x.data is null and x.patch is null))
            and (x.patch is null or length((coalesce(x.data, b.data) || x.patch)::text) <= 262144) as is_legal,
          row_number() over (partition by x.id order by x.ordinality) as round
        from rows from (
          jsonb_to_recordset(p_changes) as (id uuid, data jsonb, patch jsonb, state text, expected_version bigint, retention_days integer)
        ) with ordinality as x
        cross join lateral (select * from memory.sessions r where r.tenant_id = p_tenant and r.session_id = x.id limit 1) b
      ) x
      where s.tenant_id = p_tenant and s.session_id = any (v_ids) and s.session_id = x.id and x.round = v_round and x.is_legal
        -- A touch writes once a minute at most.
        and (x.changes or x.until <> s.expires_at or x.days <> s.retention_days or s.last_accessed_at <= v_now - interval '1 minute')
      returning s.session_id
    )
    select array_agg(c.session_id) into v_changed from changed c;
    -- Those left are touches that need not write, or what must not be.
    if coalesce(cardinality(v_changed), 0) < v_items then
      select x.*, s.session_id is null as missing, coalesce(s.expires_at <= v_now, false) as expired, s.state as present, s.version into v_bad
      from (
        select x.*, row_number() over (partition by x.id order by x.ordinality) as round
        from rows from (
          jsonb_to_recordset(p_changes) as (id uuid, data jsonb, patch jsonb, state text, expected_version bigint)
        ) with ordinality as x
      ) x
      left join lateral (select * from memory.sessions r where r.tenant_id = p_tenant and r.session_id = x.id limit 1) s on true
      where x.round = v_round and x.id <> all (coalesce(v_changed, '{}')) and (
        s.session_id is null or s.expires_at <= v_now or s.version <> x.expected_version
        or (x.state <> s.state and x.state <> all (memory.next_session_states(s.state)))
        or (s.state = 'archived' and (x.data is not null or x.patch is not null))
        or (x.patch is not null and length((coalesce(x.data, s.data) || x.patch)::text) > 262144)
      )
      order by x.ordinality
      limit 1;
      if found then
        v_state := case when v_bad.expired then 'expired' else v_bad.present end;
        case
          when v_bad.missing then
            raise exception 'there is no session %', v_bad.id
              using errcode = 'PF008', column = format('sessions[%s].id', v_bad.ordinality - 1);
          when v_bad.expired or v_bad.state <> all (memory.next_session_states(v_state) || v_state) then
            raise exception 'session % is %; from there it may go to: %', v_bad.id, v_state,
                coalesce(nullif(array_to_string(memory.next_session_states(v_state), ', '), ''), 'nothing')
              using errcode = 'PF041', column = format('sessions[%s].%s', v_bad.ordinality - 1, case when v_bad.state is null then 'id' else 'state' end);
          when v_bad.version <> v_bad.expected_version then
            raise exception 'session % is at version %, not %', v_bad.id, v_bad.version, v_bad.expected_version
              using errcode = 'PF042', column = format('sessions[%s].expectedVersion', v_bad.ordinality - 1);
          when v_bad.present = 'archived' then
            raise exception 'session % is archived; its data stays as it is', v_bad.id
              using errcode = 'PF041', column = format('sessions[%s].%s', v_bad.ordinality - 1, case when v_bad.data is null then 'patch' else 'data' end);
          else
            raise exception 'session %: its data would have more than 262144 characters', v_bad.id
              using errcode = 'PF005', column = format('sessions[%s].patch', v_bad.ordinality - 1);
        end case;
      end if;
    end if;
    return query
    select x.ordinality::integer, s.session_id, s.state, s.data, s.version, s.retention_days,
      s.created_at, s.updated_at, s.last_accessed_at, s.ended_at, s.expires_at
    from (
      select x.id, x.ordinality, row_number() over (partition by x.id order by x.ordinality) as round
      from rows from (jsonb_to_recordset(p_changes) as (id uuid)) with ordinality as x
    ) x
    cross join lateral (select * from memory.sessions r where r.tenant_id = p_tenant and r.session_id = x.id limit 1) s
    where x.round = v_round;
  end loop;
end
$$;
comment on function memory.change_sessions(text, jsonb) is 'Changes many sessions, each in turn; all or none.';
revoke all on function memory.change_sessions(text, jsonb) from public;
grant execute on function memory.change_sessions(text, jsonb) to pgfleet_app;
