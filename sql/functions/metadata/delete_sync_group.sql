-- metadata.delete_sync_group(tenant, group): deletes a sync group with the roles in it; false when it was not there. Subscriptions
-- to it end. Errors: PF001..PF003 (platform.enter), PF093 entities are in it.
create or replace function metadata.delete_sync_group(p_tenant text, p_group text) returns boolean
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  perform platform.enter(p_tenant);
  -- Whoever creates an entity or a role in it holds the row, or finds it gone.
  perform from metadata.sync_groups g where g.tenant_id = p_tenant and g.sync_group = p_group for update;
  if not found then
    return false;
  end if;
  if exists (select from metadata.entities e where e.tenant_id = p_tenant and e.sync_group = p_group) then
    raise exception 'sync group % has entities', quote_literal(p_group) using errcode = 'PF093', column = 'name';
  end if;
  insert into metadata.changes (tenant_id, sync_group, kind, agent_ids)
  select p_tenant, p_group, 'roles', array(
    select r.agent_id from metadata.roles r where r.tenant_id = p_tenant and r.sync_group = p_group order by r.agent_id
  );
  delete from metadata.roles r where r.tenant_id = p_tenant and r.sync_group = p_group;
  delete from metadata.tick_leases l where l.tenant_id = p_tenant and l.sync_group = p_group;
  delete from metadata.ticks t where t.tenant_id = p_tenant and t.sync_group = p_group;
  delete from metadata.sync_groups g where g.tenant_id = p_tenant and g.sync_group = p_group;
  return true;
end
$$;
comment on function metadata.delete_sync_group(text, text) is 'Deletes a sync group that has no entities.';
revoke all on function metadata.delete_sync_group(text, text) from public;
grant execute on function metadata.delete_sync_group(text, text) to pgfleet_app;
