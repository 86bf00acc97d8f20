-- memory.count_api_key_uses(tenant, uses): adds uses that a process has counted. uses: a jsonb array of {id uuid, count
-- bigint, last_used_at timestamptz}.
create or replace function memory.count_api_key_uses(p_tenant text, p_uses jsonb)
returns table (ordinal integer)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  perform platform.enter(p_tenant);
  perform from memory.api_keys k
  where k.tenant_id = p_tenant and k.key_id in (select x.id from jsonb_to_recordset(p_uses) as x(id uuid))
  order by k.key_id
  for no key update;
  update memory.api_keys k
  set usage_count = k.usage_count + x.count, last_used_at = greatest(k.last_used_at, x.last_used_at)
  from (
    select x.id, sum(x.count) as count, max(x.last_used_at) as last_used_at
    from jsonb_to_recordset(p_uses) as x(id uuid, count bigint, last_used_at timestamptz)
    group by x.id
  ) x
  where k.tenant_id = p_tenant and k.key_id = x.id;
  return query select g::integer from generate_series(1, jsonb_array_length(p_uses)) as g;
end
$$;
comment on function memory.count_api_key_uses(text, jsonb) is 'Adds uses of API keys that a process has counted.';
revoke all on function memory.count_api_key_uses(text, jsonb) from public;
grant execute on function memory.count_api_key_uses(text, jsonb) to pgfleet_app;
