-- memory.get_values(tenant, keys): values by key. keys: a jsonb array of texts. returns one row for each key that is there
-- and has not expired: value (JSON) or bytes, the version, and when it expires (null: never).
-- Errors: PF001..PF003 (platform.enter).
create or replace function memory.get_values(p_tenant text, p_keys jsonb)
returns table (ordinal integer, value jsonb, bytes bytea, version bigint, expires_at timestamptz)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  perform platform.enter(p_tenant);
  -- The tenant of a row is asked for by "is not distinct from", which is no condition of the index: that is the policy's, by the same key.
  -- Of two equalities the planner would compare the constants, tenant and setting, once more at each look-up.
  return query
  select x.place::integer, v.value, v.bytes, v.version, nullif(v.expires_at, 'infinity')
  from jsonb_array_elements_text(p_keys) with ordinality as x(key, place)
  cross join lateral (
    select k.value, k.bytes, k.version, k.expires_at from memory.key_values k
    where k.tenant_id is not distinct from p_tenant and k.key = x.key and k.expires_at > statement_timestamp()
    offset 0
  ) v;
end
$$;
comment on function memory.get_values(text, jsonb) is 'Many values by key.';
revoke all on function memory.get_values(text, jsonb) from public;
grant execute on function memory.get_values(text, jsonb) to pgfleet_app;
