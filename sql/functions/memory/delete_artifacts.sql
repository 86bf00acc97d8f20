-- memory.delete_artifacts(tenant, artifacts): deletes artifacts; tells of each whether it was there. Their bytes stay for the
-- grace period, and for as long as another artifact has the same. artifacts: a jsonb array of {id uuid}.
create or replace function memory.delete_artifacts(p_tenant text, p_artifacts jsonb)
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
  v_gone uuid[];
  v_contents uuid[];
begin
  perform platform.enter(p_tenant);
  perform from memory.artifacts a
  where a.tenant_id = p_tenant and a.artifact_id = any (array(select x.id from jsonb_to_recordset(p_artifacts) as x(id uuid)))
  order by a.artifact_id
  for update;
  with gone as (
    delete from memory.artifacts a
    where a.tenant_id = p_tenant and a.artifact_id = any (array(select x.id from jsonb_to_recordset(p_artifacts) as x(id uuid)))
    returning a.artifact_id, a.content_id
  )
  select array_agg(g.artifact_id), array_agg(distinct g.content_id) into v_gone, v_contents from gone g;
  if v_contents is not null then
    perform memory.release_contents(p_tenant, v_contents);
  end if;
  return query
  select x.ordinality::integer, x.id = any (coalesce(v_gone, '{}'))
  from rows from (jsonb_to_recordset(p_artifacts) as (id uuid)) with ordinality as x;
end
$$;
comment on function memory.delete_artifacts(text, jsonb) is 'Deletes many artifacts; their bytes stay for the grace period.';
revoke all on function memory.delete_artifacts(text, jsonb) from public;
grant execute on function memory.delete_artifacts(text, jsonb) to pgfleet_app;
