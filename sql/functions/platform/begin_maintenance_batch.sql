-- platform.begin_maintenance_batch(token, lock_ms, statement_ms): the first statement of each batch of maintenance. Keeps the
-- lease from changing hands until the transaction ends, and limits how long it waits for a lock, works, and stands idle.
-- Errors: PF120 another process leads: nothing of this batch may be done.
create or replace function platform.begin_maintenance_batch(p_token bigint, p_lock_ms integer, p_statement_ms integer) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform set_config('lock_timeout', p_lock_ms::text, true);
  perform set_config('statement_timeout', p_statement_ms::text, true);
  -- A process that is stopped in the middle of a batch holds the next leader up no longer than this.
  perform set_config('idle_in_transaction_session_timeout', p_statement_ms::text, true);
  perform from platform.maintenance_leases l
  where l.lease_name = 'maintenance' and l.token = p_token
  for key share;
  if not found then
    raise exception 'another process leads maintenance now; the lease with token % is lost', p_token using errcode = 'PF120';
  end if;
end
$$;
comment on function platform.begin_maintenance_batch(bigint, integer, integer) is 'Begins a batch of maintenance, under the present lease alone.';
revoke all on function platform.begin_maintenance_batch(bigint, integer, integer) from public;
grant execute on function platform.begin_maintenance_batch(bigint, integer, integer) to pgfleet_operator;
