-- memory.check_uploads(tenant, artifacts, ids): locks the uploads that those of the artifacts with these ids are made of, and
-- sees that all of their chunks are there. Errors: PF045.
create or replace function memory.check_uploads(p_tenant text, p_artifacts jsonb, p_ids uuid[]) returns void
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
  v_bad record;
begin
  perform platform.enter(p_tenant);
  perform from memory.artifact_uploads u
  where u.tenant_id = p_tenant and u.upload_id in (select x.content_id from jsonb_to_recordset(p_artifacts) as x(content_id uuid))
  order by u.upload_id
  for update;
  select x.ordinality, x.content_id into v_bad
  from rows from (jsonb_to_recordset(p_artifacts) as (id uuid, content_id uuid, upload boolean, chunks integer, size bigint)) with ordinality as x
  left join memory.artifact_uploads u on u.tenant_id = p_tenant and u.upload_id = x.content_id
  cross join lateral (
    select count(*) as chunks, coalesce(sum(c.size_bytes), 0) as size
    from memory.artifact_chunks c
    where c.tenant_id = p_tenant and c.content_id = x.content_id
  ) staged
  where x.upload and x.id = any (p_ids) and (u.upload_id is null or staged.chunks <> x.chunks or staged.size <> x.size)
  order by x.ordinality
  limit 1;
  if found then
    raise exception 'the chunks staged as upload % are gone, or not all there', v_bad.content_id
      using errcode = 'PF045', column = format('artifacts[%s].content', v_bad.ordinality - 1);
  end if;
end
$$;
comment on function memory.check_uploads(text, jsonb, uuid[]) is 'Locks uploads, and sees that all of their chunks are there.';
revoke all on function memory.check_uploads(text, jsonb, uuid[]) from public;
grant execute on function memory.check_uploads(text, jsonb, uuid[]) to pgfleet_app;
