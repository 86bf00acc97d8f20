-- memory.collect_chunks(tenant, limit, grace): one step of the collection: deletes at most so many chunks of uploads that
-- have not been renewed for the grace period, and the uploads that are left without. Skips what is locked. Returns how many
-- chunks and uploads went; none of either: there is nothing left to do.
create or replace function memory.collect_chunks(p_tenant text, p_limit integer, p_grace interval)
returns table (chunks integer, uploads integer)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_ids uuid[];
begin
  perform platform.enter(p_tenant);
  select array_agg(x.upload_id) into v_ids
  from (
    select u.upload_id from memory.artifact_uploads u
    where u.tenant_id = p_tenant and u.renewed_at < clock_timestamp() - p_grace
    order by u.upload_id
    limit p_limit
    for update skip locked
  ) x;
  delete from memory.artifact_chunks c
  using (
    select d.content_id, d.chunk_no from memory.artifact_chunks d
    where d.tenant_id = p_tenant and d.content_id = any (v_ids)
    limit p_limit
  ) x
  where c.tenant_id = p_tenant and c.content_id = x.content_id and c.chunk_no = x.chunk_no;
  get diagnostics chunks = row_count;
  delete from memory.artifact_uploads u
  where u.tenant_id = p_tenant and u.upload_id = any (v_ids)
    and not exists (select from memory.artifact_chunks c where c.tenant_id = p_tenant and c.content_id = u.upload_id);
  get diagnostics uploads = row_count;
  return next;
end
$$;
comment on function memory.collect_chunks(text, integer, interval) is 'One step of the collection of chunks that no content owns.';
revoke all on function memory.collect_chunks(text, integer, interval) from public;
grant execute on function memory.collect_chunks(text, integer, interval) to pgfleet_app;
