-- metadata.release_tick_leases(tenant, holder): gives back the leases of a ticker that stops, so that another can take them at
-- once; how many. Errors: PF001..PF003 (platform.enter).
create or replace function metadata.release_tick_leases(p_tenant text, p_holder uuid) returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_now timestamptz := clock_timestamp();
  v_released integer;
begin
  perform platform.enter(p_tenant);
  update metadata.tick_leases l set expires_at = v_now
  where l.tenant_id = p_tenant and l.holder_id = p_holder and l.expires_at > v_now;
  get diagnostics v_released = row_count;
  return v_released;
end
$$;
comment on function metadata.release_tick_leases(text, uuid) is 'Gives back the leases of a ticker that stops.';
revoke all on function metadata.release_tick_leases(text, uuid) from public;
grant execute on function metadata.release_tick_leases(text, uuid) to pgfleet_app;
