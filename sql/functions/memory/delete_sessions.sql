-- memory.delete_sessions(tenant, sessions): deletes sessions with their artifacts; tells of each whether a live one was
-- there. sessions: a jsonb array of {id uuid}.
create or replace function memory.delete_sessions(p_tenant text, p_sessions jsonb)
returns table (ordinal integer, deleted boolean)
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
  v_live uuid[];
  v_gone uuid[];
begin
  perform platform.enter(p_tenant);
  select array_agg(s.session_id) into v_live
  from jsonb_to_recordset(p_sessions) as x(id uuid)
  cross join lateral (select * from memory.sessions r where r.tenant_id = p_tenant and r.session_id = x.id limit 1) s
  where s.expires_at > statement_timestamp();
  v_gone := memory.drop_sessions(p_tenant, array(select x.id from jsonb_to_recordset(p_sessions) as x(id uuid)));
  return query
  select x.ordinality::integer, x.id = any (v_gone) and x.id = any (coalesce(v_live, '{}'))
  from rows from (jsonb_to_recordset(p_sessions) as (id uuid)) with ordinality as x;
end
$$;
comment on function memory.delete_sessions(text, jsonb) is 'Deletes many sessions with their artifacts.';
revoke all on function memory.delete_sessions(text, jsonb) from public;
grant execute on function memory.delete_sessions(text, jsonb) to pgfleet_app;
