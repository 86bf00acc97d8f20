-- memory.find_api_keys(tenant, lookups): what is needed to verify keys; nothing is returned for an id that is not there. The
-- caller compares the hash, in constant time. lookups: a jsonb array of {id uuid}.
create or replace function memory.find_api_keys(p_tenant text, p_lookups jsonb)
returns table (ordinal integer, key_id uuid, name text, secret_hash text, scopes text[], metadata jsonb,
  expired boolean, revoked boolean, expires_at timestamptz)
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
begin
  perform platform.enter(p_tenant);
  return query
  select x.ordinality::integer, k.key_id, k.name, encode(k.secret_hash, 'hex'), k.scopes, k.metadata,
    k.expires_at <= statement_timestamp(), k.revoked_at is not null, nullif(k.expires_at, 'infinity')
  from rows from (jsonb_to_recordset(p_lookups) as (id uuid)) with ordinality as x
  cross join lateral (select * from memory.api_keys r where r.tenant_id = p_tenant and r.key_id = x.id limit 1) k;
end
$$;
comment on function memory.find_api_keys(text, jsonb) is 'What is needed to verify API keys of many ids.';
revoke all on function memory.find_api_keys(text, jsonb) from public;
grant execute on function memory.find_api_keys(text, jsonb) to pgfleet_app;
