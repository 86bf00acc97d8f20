-- memory.set_values(tenant, items): sets values by key. items: a jsonb array of objects
--   key text; value jsonb, or bytes text (base64)
--   ttl_ms number: the key is gone after so many milliseconds; absent: it stays
--   expected bigint: set only when the key is at this version; 0: when it is not there
--   call bigint: items of one call are set all or none; absent: each by itself. A key stands once in a call
-- returns one row an item: its version after it; null when it was not set, because it or another of its call was not at
-- the expected version. present: the version that was found (0: none), for items with `expected`.
-- Sets of one key apply in the order of the items. An expired key starts anew at version 1.
-- Errors: PF001..PF003 (platform.enter), PF007 the quota is reached.
create or replace function memory.set_values(p_tenant text, p_items jsonb)
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
  perform platform.check_quota(p_tenant, 'key_values');
  if not jsonb_path_exists(p_items, '$[*].expected') then
    -- The last of a key is what stays; the others count into its version. In the order of the keys, so that batches that
    -- share some wait for each other instead of deadlocking.
    return query
    with item as materialized (
      select x.*, row_number() over (partition by x.key order by x.ordinality) as place, count(*) over (partition by x.key) as times
      from rows from (jsonb_to_recordset(p_items) as (key text collate "C", value jsonb, bytes text, ttl_ms double precision)) with ordinality as x
    ),
    written as (
      insert into memory.key_values as v (tenant_id, key, version, created_at, updated_at, expires_at, value, bytes)
      select p_tenant, i.key, i.times, v_now, v_now, coalesce(v_now + i.ttl_ms * interval '1 millisecond', 'infinity'),
        case when i.bytes is null then coalesce(i.value, 'null'::jsonb) end, decode(i.bytes, 'base64')
      from item i
      where i.place = i.times
      order by i.key
      on conflict (tenant_id, key) do update
      set
        version = case when v.expires_at > excluded.updated_at then v.version + excluded.version else excluded.version end,
        created_at = case when v.expires_at > excluded.updated_at then v.created_at else excluded.created_at end,
        updated_at = excluded.updated_at, expires_at = excluded.expires_at, value = excluded.value, bytes = excluded.bytes
      returning v.key, v.version
    )
    select i.ordinality::integer, w.version - i.times + i.place, null::bigint
    from item i
    join written w on w.key = i.key;
    return;
  end if;

  -- Locks what is there and makes what is missing, in the order of the keys; what stays at version 0 goes again.
  insert into memory.key_values as v (tenant_id, key, created_at, updated_at, expires_at)
  select distinct p_tenant, x.key, v_now, v_now, timestamptz '-infinity' from jsonb_to_recordset(p_items) as x(key text collate "C")
  order by x.key
  on conflict (tenant_id, key) do update set version = v.version where false;
  get diagnostics v_made = row_count;
  foreach v_part in array memory.parts_of(p_items, 'key') loop
    return query
    with item as materialized (
      select coalesce(x.ordinal, x.ordinality)::integer as ordinal, coalesce(x.call, -x.ordinality) as call, x.key, x.value, x.bytes,
        x.ttl_ms, x.expected, v.expires_at > v_now as is_live, case when v.expires_at > v_now then v.version else 0 end as present
      from rows from (
        jsonb_to_recordset(v_part) as (ordinal bigint, call bigint, key text collate "C", value jsonb, bytes text, ttl_ms double precision, expected bigint)
      ) with ordinality as x
      join memory.key_values v on v.tenant_id = p_tenant and v.key = x.key
    ),
    judged as materialized (
      select i.*, bool_and(i.expected is null or i.expected = i.present) over (partition by i.call) as is_accepted from item i
    ),
    written as (
      update memory.key_values v
      set version = j.present + 1, created_at = case when j.is_live then v.created_at else v_now end, updated_at = v_now,
        expires_at = coalesce(v_now + j.ttl_ms * interval '1 millisecond', 'infinity'),
        value = case when j.bytes is null then coalesce(j.value, 'null'::jsonb) end, bytes = decode(j.bytes, 'base64')
      from judged j
      where v.tenant_id = p_tenant and v.key = j.key and j.is_accepted
      returning v.key, v.version
    )
    select j.ordinal, w.version, j.present
    from judged j
    left join written w on w.key = j.key;
  end loop;
  if v_made > 0 then
    delete from memory.key_values v
    using (select distinct x.key from jsonb_to_recordset(p_items) as x(key text collate "C")) k
    where v.tenant_id = p_tenant and v.key = k.key and v.version = 0;
  end if;
end
$$;
comment on function memory.set_values(text, jsonb) is 'Sets many values by key, with compare-and-set by version.';
revoke all on function memory.set_values(text, jsonb) from public;
grant execute on function memory.set_values(text, jsonb) to pgfleet_app;
