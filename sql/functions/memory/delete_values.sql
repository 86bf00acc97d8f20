-- memory.delete_values(tenant, items): deletes keys. items: a jsonb array of {key text, expected bigint (any version)}.
-- returns one row an item: whether it deleted the key, and the version that was found (0: none).
-- Errors: PF001..PF003 (platform.enter).
create or replace function memory.delete_values(p_tenant text, p_items jsonb)
returns table (ordinal integer, deleted boolean, present bigint)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := statement_timestamp();
begin
  perform platform.enter(p_tenant);
  -- Locked in the order of the keys, like everything that several batches may share.
  perform from memory.key_values v
  where v.tenant_id = p_tenant and v.key in (select x.key from jsonb_to_recordset(p_items) as x(key text collate "C"))
  order by v.key
  for update;
  return query
  with item as materialized (
    select x.ordinality, x.key, x.expected, coalesce(v.version, 0) as present,
      min(x.ordinality) filter (where coalesce(x.expected, v.version) = v.version) over (partition by x.key) as deleter
    from rows from (jsonb_to_recordset(p_items) as (key text collate "C", expected bigint)) with ordinality as x
    left join memory.key_values v on v.tenant_id = p_tenant and v.key = x.key and v.expires_at > v_now
  ),
  gone as (
    delete from memory.key_values v using item i where v.tenant_id = p_tenant and v.key = i.key and i.ordinality = i.deleter
  )
  select i.ordinality::integer, i.ordinality is not distinct from i.deleter, case when i.ordinality > i.deleter then 0 else i.present end
  from item i;
end
$$;
comment on function memory.delete_values(text, jsonb) is 'Deletes many keys, at an expected version if wanted.';
revoke all on function memory.delete_values(text, jsonb) from public;
grant execute on function memory.delete_values(text, jsonb) to pgfleet_app;
