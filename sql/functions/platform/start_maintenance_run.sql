-- platform.start_maintenance_run(token, run, service, dry run): records that a run of the service begins.
-- returns the position behind which it goes on; null: from the beginning.
-- Errors: PF120 another process leads.
create or replace function platform.start_maintenance_run(p_token bigint, p_run_id uuid, p_service text, p_dry_run boolean) returns text
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_leader text;
begin
  select l.holder into v_leader from platform.maintenance_leases l
  where l.lease_name = 'maintenance' and l.token = p_token
  for key share;
  if not found then
    raise exception 'another process leads maintenance now; the lease with token % is lost', p_token using errcode = 'PF120';
  end if;
  insert into platform.maintenance_runs (run_id, service, leader, token, is_dry_run, started_at)
  values (p_run_id, p_service, v_leader, p_token, p_dry_run, clock_timestamp());
  return (select p.position from platform.maintenance_positions p where p.service = p_service);
end
$$;
comment on function platform.start_maintenance_run(bigint, uuid, text, boolean) is 'Records that a run of maintenance begins.';
revoke all on function platform.start_maintenance_run(bigint, uuid, text, boolean) from public;
grant execute on function platform.start_maintenance_run(bigint, uuid, text, boolean) to pgfleet_operator;
