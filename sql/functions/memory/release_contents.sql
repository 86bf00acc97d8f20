-- memory.release_contents(tenant, contents): begins the grace period of contents that artifacts have ceased to refer to.
create or replace function memory.release_contents(p_tenant text, p_contents uuid[]) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_hashjoin = off
set enable_mergejoin = off
set enable_bitmapscan = off
set enable_material = off
as $$
begin
  perform platform.enter(p_tenant);
  -- In the order in which memory.put_artifacts takes them.
  perform from memory.artifact_contents c
  where c.tenant_id = p_tenant and c.content_id = any (p_contents)
  order by c.sha256
  for no key update;
  update memory.artifact_contents c set last_used_at = statement_timestamp()
  where c.tenant_id = p_tenant and c.content_id = any (p_contents);
end
$$;
comment on function memory.release_contents(text, uuid[]) is 'Begins the grace period of contents.';
revoke all on function memory.release_contents(text, uuid[]) from public;
grant execute on function memory.release_contents(text, uuid[]) to pgfleet_app;
