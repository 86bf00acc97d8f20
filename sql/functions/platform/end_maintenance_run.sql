-- platform.end_maintenance_run(token, run, outcome, done, error code, error message): records how a run ended. false: it was closed
-- by another leader before.
create or replace function platform.end_maintenance_run(p_token bigint, p_run_id uuid, p_outcome text, p_done jsonb, p_error_code text, p_error_message text) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update platform.maintenance_runs r
  set ended_at = clock_timestamp(), outcome = p_outcome, done = p_done, error_code = p_error_code, error_message = p_error_message
  where r.run_id = p_run_id and r.token = p_token and r.ended_at is null;
  return found;
end
$$;
comment on function platform.end_maintenance_run(bigint, uuid, text, jsonb, text, text) is 'Records how a run of maintenance ended.';
revoke all on function platform.end_maintenance_run(bigint, uuid, text, jsonb, text, text) from public;
grant execute on function platform.end_maintenance_run(bigint, uuid, text, jsonb, text, text) to pgfleet_operator;
