-- learning.provision(tenant): gives a new tenant its own copy of the default agent types; harmless to repeat.
create or replace function learning.provision(p_tenant text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  perform platform.enter(p_tenant);
  insert into learning.agent_types (tenant_id, agent_type, display_name, category, description, state_dimensions, action_dimensions)
  select p_tenant, d.agent_type, d.display_name, d.category, d.description, d.state_dimensions, d.action_dimensions
  from learning.agent_type_defaults d
  order by d.agent_type
  on conflict (tenant_id, agent_type) do nothing;
end
$$;
comment on function learning.provision(text) is 'Copies the default agent types to a tenant.';
revoke all on function learning.provision(text) from public;
grant execute on function learning.provision(text) to pgfleet_app;
