-- metadata.provision(tenant): gives a new tenant the default sync groups; harmless to repeat.
create or replace function metadata.provision(p_tenant text) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
begin
  perform platform.enter(p_tenant);
  insert into metadata.sync_groups (tenant_id, sync_group, tick_ms, ticks_kept, durability, created_at, updated_at)
  values
    (p_tenant, 'REALTIME', 20, 50, 'durable', now(), now()),
    (p_tenant, 'NORMAL', 50, 20, 'durable', now(), now()),
    (p_tenant, 'BACKGROUND', 200, 10, 'durable', now(), now()),
    (p_tenant, 'STATIC', 500, 5, 'durable', now(), now())
  on conflict (tenant_id, sync_group) do nothing;
end
$$;
comment on function metadata.provision(text) is 'Gives a tenant the default sync groups.';
revoke all on function metadata.provision(text) from public;
grant execute on function metadata.provision(text) to pgfleet_app;
