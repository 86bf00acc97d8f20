-- platform.release_maintenance_lease(token): the leader gives its place up, so that another need not wait; false when it has
-- lost it already.
create or replace function platform.release_maintenance_lease(p_token bigint) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update platform.maintenance_leases l set expires_at = '-infinity'
  where l.lease_name = 'maintenance' and l.token = p_token;
  return found;
end
$$;
comment on function platform.release_maintenance_lease(bigint) is 'Gives the place of the leader of maintenance up.';
revoke all on function platform.release_maintenance_lease(bigint) from public;
grant execute on function platform.release_maintenance_lease(bigint) to pgfleet_operator;
