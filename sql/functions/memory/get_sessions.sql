-- memory.get_sessions(tenant, lookups): the sessions of these ids; nothing is returned for one that is not there or has
-- expired. lookups: a jsonb array of {id uuid}.
create or replace function memory.get_sessions(p_tenant text, p_lookups jsonb)
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
begin
  perform platform.enter(p_tenant);
  return query
  select x.ordinality::integer, s.session_id, s.state, s.data, s.version, s.retention_days,
    s.created_at, s.updated_at, s.last_accessed_at, s.ended_at, s.expires_at
  from rows from (jsonb_to_recordset(p_lookups) as (id uuid)) with ordinality as x
  cross join lateral (select * from memory.sessions r where r.tenant_id = p_tenant and r.session_id = x.id limit 1) s
  where s.expires_at > statement_timestamp();
end
$$;
comment on function memory.get_sessions(text, jsonb) is 'The live sessions of many ids.';
revoke all on function memory.get_sessions(text, jsonb) from public;
grant execute on function memory.get_sessions(text, jsonb) to pgfleet_app;
