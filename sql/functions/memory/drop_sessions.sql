-- memory.drop_sessions(tenant, ids, expired before): deletes sessions with their artifacts; returns the ids of those that
-- were there. With a time, only those that expired by then. The contents that their artifacts shared stay for the grace
-- period.
create or replace function memory.drop_sessions(p_tenant text, p_ids uuid[], p_expired timestamptz default null) returns uuid[]
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
set enable_material = off
as $$
declare
  v_ids uuid[];
  v_contents uuid[];
begin
  perform platform.enter(p_tenant);
  select array_agg(x.session_id) into v_ids
  from (
    select s.session_id from memory.sessions s
    where s.tenant_id = p_tenant and s.session_id = any (p_ids) and (p_expired is null or s.expires_at <= p_expired)
    order by s.session_id
    for update
  ) x;
  if v_ids is null then
    return '{}';
  end if;
  with gone as (
    delete from memory.artifacts a where a.tenant_id = p_tenant and a.session_id = any (v_ids) returning a.content_id
  )
  select array_agg(distinct g.content_id) into v_contents from gone g;
  if v_contents is not null then
    perform memory.release_contents(p_tenant, v_contents);
  end if;
  delete from memory.artifact_names n where n.tenant_id = p_tenant and n.scope = any (v_ids);
  delete from memory.sessions s where s.tenant_id = p_tenant and s.session_id = any (v_ids);
  return v_ids;
end
$$;
comment on function memory.drop_sessions(text, uuid[], timestamptz) is 'Deletes sessions with their artifacts.';
revoke all on function memory.drop_sessions(text, uuid[], timestamptz) from public;
grant execute on function memory.drop_sessions(text, uuid[], timestamptz) to pgfleet_app;
