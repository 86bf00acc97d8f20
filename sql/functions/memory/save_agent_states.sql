-- memory.save_agent_states(tenant, items): saves agent states. items: a jsonb array of objects
--   agent_id text, state jsonb, checksum text (hex: SHA-256 of the state's canonical JSON): required
--   agent_type text (unchanged), schema_version integer (1)
--   expected bigint: save only when the state is at this version; 0: when there is none
--   call bigint: items of one call are saved all or none; absent: each by itself. An agent stands once in a call
-- returns one row an item: its version after it; null when it was not saved, because it or another of its call was not
-- at the expected version. present: the version that was found (0: none), for items with `expected`.
-- Errors: PF001..PF003 (platform.enter).
create or replace function memory.save_agent_states(p_tenant text, p_items jsonb)
returns table (ordinal integer, version bigint, present bigint)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := statement_timestamp();
  v_made bigint;
  v_part jsonb;
begin
  perform platform.enter(p_tenant);
  if not jsonb_path_exists(p_items, '$[*].expected') then
    return query
    with item as materialized (
      select x.*, row_number() over (partition by x.agent_id order by x.ordinality) as place, count(*) over (partition by x.agent_id) as times,
        first_value(x.agent_type) over (partition by x.agent_id order by x.agent_type is null, x.ordinality desc) as last_type
      from rows from (
        jsonb_to_recordset(p_items) as (agent_id text collate "C", agent_type text, schema_version integer, state jsonb, checksum text)
      ) with ordinality as x
    ),
    saved as (
      insert into memory.agent_states as s (tenant_id, agent_id, version, schema_version, created_at, updated_at, agent_type, checksum, state)
      select p_tenant, i.agent_id, i.times, coalesce(i.schema_version, 1), v_now, v_now, i.last_type, decode(i.checksum, 'hex'),
        coalesce(i.state, 'null'::jsonb)
      from item i
      where i.place = i.times
      order by i.agent_id
      on conflict (tenant_id, agent_id) do update
      set version = s.version + excluded.version, schema_version = excluded.schema_version, updated_at = excluded.updated_at,
        agent_type = coalesce(excluded.agent_type, s.agent_type), checksum = excluded.checksum, state = excluded.state
      returning s.agent_id, s.version
    )
    select i.ordinality::integer, s.version - i.times + i.place, null::bigint
    from item i
    join saved s on s.agent_id = i.agent_id;
    return;
  end if;

  -- Locks what is there and makes what is missing, in the order of the keys; what stays at version 0 goes again.
  insert into memory.agent_states as s (tenant_id, agent_id, created_at, updated_at)
  select distinct p_tenant, x.agent_id, v_now, v_now from jsonb_to_recordset(p_items) as x(agent_id text collate "C")
  order by x.agent_id
  on conflict (tenant_id, agent_id) do update set version = s.version where false;
  get diagnostics v_made = row_count;
  foreach v_part in array memory.parts_of(p_items, 'agent_id') loop
    return query
    with item as materialized (
      select coalesce(x.ordinal, x.ordinality)::integer as ordinal, coalesce(x.call, -x.ordinality) as call, x.agent_id, x.agent_type,
        x.schema_version, x.state, x.checksum, x.expected, s.version as present
      from rows from (
        jsonb_to_recordset(v_part) as (ordinal bigint, call bigint, agent_id text collate "C", agent_type text, schema_version integer, state jsonb,
          checksum text, expected bigint)
      ) with ordinality as x
      join memory.agent_states s on s.tenant_id = p_tenant and s.agent_id = x.agent_id
    ),
    judged as materialized (
      select i.*, bool_and(i.expected is null or i.expected = i.present) over (partition by i.call) as is_accepted from item i
    ),
    saved as (
      update memory.agent_states s
      set version = s.version + 1, schema_version = coalesce(j.schema_version, 1), updated_at = v_now,
        agent_type = coalesce(j.agent_type, s.agent_type), checksum = decode(j.checksum, 'hex'), state = coalesce(j.state, 'null'::jsonb)
      from judged j
      where s.tenant_id = p_tenant and s.agent_id = j.agent_id and j.is_accepted
      returning s.agent_id, s.version
    )
    select j.ordinal, s.version, j.present
    from judged j
    left join saved s on s.agent_id = j.agent_id;
  end loop;
  if v_made > 0 then
    delete from memory.agent_states s
    using (select distinct x.agent_id from jsonb_to_recordset(p_items) as x(agent_id text collate "C")) k
    where s.tenant_id = p_tenant and s.agent_id = k.agent_id and s.version = 0;
  end if;
end
$$;
comment on function memory.save_agent_states(text, jsonb) is 'Saves many agent states, with compare-and-set by version.';
revoke all on function memory.save_agent_states(text, jsonb) from public;
grant execute on function memory.save_agent_states(text, jsonb) to pgfleet_app;
