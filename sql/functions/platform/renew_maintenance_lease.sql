-- platform.renew_maintenance_lease(token, milliseconds): the leader stays it for so long from now on; false when another leads. A
-- lease that ran out and was taken by nobody can be renewed. It does not wait for a batch in flight.
create or replace function platform.renew_maintenance_lease(p_token bigint, p_milliseconds integer) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update platform.maintenance_leases l
  set expires_at = clock_timestamp() + p_milliseconds * interval '1 millisecond'
  where l.lease_name = 'maintenance' and l.token = p_token;
  return found;
end
$$;
comment on function platform.renew_maintenance_lease(bigint, integer) is 'Keeps the leader of maintenance in its place.';
revoke all on function platform.renew_maintenance_lease(bigint, integer) from public;
grant execute on function platform.renew_maintenance_lease(bigint, integer) to pgfleet_operator;
