-- memory.increment_values(tenant, items): adds to numbers by key. items: a jsonb array of {key text, by bigint, ttl_ms
-- number (absent: a new key stays, an old one keeps its expiry; several of one key: the longest counts)}. A key that is
-- not there, or has expired, starts at 0. returns one row an item: the value right after it.
-- Errors: PF001..PF003 (platform.enter), PF061 the value is no number, or the sum is beyond 2^53 - 1.
create or replace function memory.increment_values(p_tenant text, p_items jsonb)
returns table (ordinal integer, value double precision)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := statement_timestamp();
  v_most constant numeric := 9007199254740991;
  v_done bigint;
begin
  perform platform.enter(p_tenant);
  return query
  with item as materialized (
    select x.ordinality, x.key, sum(x.by) over (partition by x.key order by x.ordinality) as so_far,
      sum(x.by) over (partition by x.key) as total, max(x.ttl_ms) over (partition by x.key) as ttl_ms,
      row_number() over (partition by x.key order by x.ordinality) as place, count(*) over (partition by x.key) as times
    from rows from (jsonb_to_recordset(p_items) as (key text collate "C", by bigint, ttl_ms double precision)) with ordinality as x
  ),
  written as (
    insert into memory.key_values as v (tenant_id, key, version, created_at, updated_at, expires_at, value)
    select p_tenant, i.key, i.times, v_now, v_now, coalesce(v_now + i.ttl_ms * interval '1 millisecond', 'infinity'), to_jsonb(i.total)
    from item i
    where i.place = i.times and abs(i.total) <= v_most
    order by i.key
    on conflict (tenant_id, key) do update
    set
      value = case when v.expires_at > excluded.updated_at then to_jsonb(v.value::numeric + excluded.value::numeric) else excluded.value end,
      version = case when v.expires_at > excluded.updated_at then v.version + excluded.version else excluded.version end,
      created_at = case when v.expires_at > excluded.updated_at then v.created_at else excluded.created_at end,
      expires_at = case when v.expires_at > excluded.updated_at and excluded.expires_at = 'infinity' then v.expires_at else excluded.expires_at end,
      updated_at = excluded.updated_at, bytes = null
    where case
      when v.expires_at <= excluded.updated_at then true
      when jsonb_typeof(v.value) = 'number' then abs(v.value::numeric + excluded.value::numeric) <= 9007199254740991
      else false
    end
    returning v.key, v.value
  )
  select i.ordinality::integer, (w.value::numeric - i.total + i.so_far)::double precision
  from item i
  join written w on w.key = i.key;
  get diagnostics v_done = row_count;
  if v_done < jsonb_array_length(p_items) then
    raise exception 'the value is no number, or the sum would be beyond 2^53 - 1' using errcode = 'PF061', column = 'key';
  end if;
end
$$;
comment on function memory.increment_values(text, jsonb) is 'Adds to many numbers by key; exact under concurrency.';
revoke all on function memory.increment_values(text, jsonb) from public;
grant execute on function memory.increment_values(text, jsonb) to pgfleet_app;
