-- memory.collect_contents(tenant, after, limit, grace): one step of the collection: looks at so many contents behind that
-- one, and lets go of those that no artifact has referred to for the grace period; their chunks become an upload that
-- nobody renews, for memory.collect_chunks. Skips what is locked. Returns the last content that it looked at (null at the end).
create or replace function memory.collect_contents(p_tenant text, p_after uuid, p_limit integer, p_grace interval)
returns table (last_id uuid, contents integer, bytes bigint)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := clock_timestamp();
  v_ids uuid[];
begin
  perform platform.enter(p_tenant);
  select (array_agg(w.content_id order by w.content_id desc))[1] into last_id
  from (
    select c.content_id from memory.artifact_contents c
    where c.tenant_id = p_tenant and c.content_id > p_after
    order by c.content_id
    limit p_limit
  ) w;
  select array_agg(g.content_id) into v_ids
  from (
    select c.content_id from memory.artifact_contents c
    where c.tenant_id = p_tenant and c.content_id > p_after and c.content_id <= last_id and c.last_used_at < v_now - p_grace
      and not exists (select from memory.artifacts a where a.tenant_id = p_tenant and a.content_id = c.content_id)
    order by c.sha256
    for update skip locked
  ) g;
  -- A statement of its own, behind the locks: it sees the artifacts of whoever held one of them until now.
  with gone as (
    delete from memory.artifact_contents c
    where c.tenant_id = p_tenant and c.content_id = any (v_ids)
      and not exists (select from memory.artifacts a where a.tenant_id = p_tenant and a.content_id = c.content_id)
    returning c.content_id, c.stored_bytes
  ),
  left_over as (
    insert into memory.artifact_uploads (tenant_id, upload_id, renewed_at)
    select p_tenant, g.content_id, '-infinity' from gone g
    on conflict (tenant_id, upload_id) do nothing
  )
  select count(*), coalesce(sum(g.stored_bytes), 0) into contents, bytes from gone g;
  return next;
end
$$;
comment on function memory.collect_contents(text, uuid, integer, interval) is 'One step of the collection of contents that nothing refers to.';
revoke all on function memory.collect_contents(text, uuid, integer, interval) from public;
grant execute on function memory.collect_contents(text, uuid, integer, interval) to pgfleet_app;
