-- metadata.assert_readable(tenant, agent, group): refuses with PF091 when there is no such sync group, and with PF094 when the agent
-- may not read it; without an agent everything may be read. Part of whatever reads a group.
create or replace function metadata.assert_readable(p_tenant text, p_agent text, p_group text) returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from metadata.sync_groups g where g.tenant_id = p_tenant and g.sync_group = p_group) then
    raise exception 'there is no sync group %', quote_literal(p_group) using errcode = 'PF091', column = 'group';
  end if;
  if p_agent is not null and not exists (
    select from metadata.roles r where r.tenant_id = p_tenant and r.agent_id = p_agent and r.sync_group = p_group and r.can_read
  ) then
    raise exception 'agent % may not read sync group %', quote_literal(p_agent), quote_literal(p_group)
      using errcode = 'PF094', column = 'group';
  end if;
end
$$;
comment on function metadata.assert_readable(text, text, text) is 'Refuses an unknown sync group, and an agent that may not read it.';
revoke all on function metadata.assert_readable(text, text, text) from public;
grant execute on function metadata.assert_readable(text, text, text) to pgfleet_app;
