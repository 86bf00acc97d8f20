-- platform.acquire_maintenance_lease(holder, milliseconds): makes the holder the leader of maintenance for so long, when there is
-- no other: a leader is one until its lease has run out by this server's clock. It waits, half a second at most, for the batch that
-- the last leader may have in flight. The runs that leader left open are closed as interrupted.
-- returns the token of the lease, under which batches run; null: another leads, who and until when.
create or replace function platform.acquire_maintenance_lease(p_holder text, p_milliseconds integer) returns table (token bigint, holder text, expires_at timestamptz, interrupted integer)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '500ms'
as $$
#variable_conflict use_column
declare
  v_lease platform.maintenance_leases;
begin
  select l.* into v_lease from platform.maintenance_leases l where l.lease_name = 'maintenance';
  if v_lease.expires_at > clock_timestamp() then
    return query select null::bigint, v_lease.holder, v_lease.expires_at, 0;
    return;
  end if;
  begin
    -- Batches hold the row for key share, so this waits for them; renewals do not.
    select l.* into v_lease from platform.maintenance_leases l where l.lease_name = 'maintenance' for update;
  exception
    when lock_not_available then
      return query select null::bigint, v_lease.holder, v_lease.expires_at, 0;
      return;
  end;
  -- Another may have been quicker.
  if v_lease.expires_at > clock_timestamp() then
    return query select null::bigint, v_lease.holder, v_lease.expires_at, 0;
    return;
  end if;
  update platform.maintenance_leases l
  set holder = p_holder, token = l.token + 1, acquired_at = clock_timestamp(),
    expires_at = clock_timestamp() + p_milliseconds * interval '1 millisecond'
  where l.lease_name = 'maintenance'
  returning l.token, l.holder, l.expires_at into token, holder, expires_at;
  update platform.maintenance_runs r
  set ended_at = clock_timestamp(), outcome = 'interrupted', error_code = 'MAINTENANCE_LEASE_LOST',
    error_message = 'the process that led maintenance was lost'
  where r.ended_at is null;
  get diagnostics interrupted = row_count;
  return next;
end
$$;
comment on function platform.acquire_maintenance_lease(text, integer) is 'Makes a process the leader of maintenance, when there is none.';
revoke all on function platform.acquire_maintenance_lease(text, integer) from public;
grant execute on function platform.acquire_maintenance_lease(text, integer) to pgfleet_operator;
