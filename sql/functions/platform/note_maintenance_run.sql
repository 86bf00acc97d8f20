-- platform.note_maintenance_run(token, run, done, position): records what a run that goes on has done so far, and where the next one
-- goes on should it be lost; position null: from the beginning. A dry run has no position. false: the run was closed by another leader.
create or replace function platform.note_maintenance_run(p_token bigint, p_run_id uuid, p_done jsonb, p_position text) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_service text;
  v_dry_run boolean;
begin
  update platform.maintenance_runs r set done = p_done
  where r.run_id = p_run_id and r.token = p_token and r.ended_at is null
  returning r.service, r.is_dry_run into v_service, v_dry_run;
  if not found then
    return false;
  end if;
  if not v_dry_run and p_position is null then
    delete from platform.maintenance_positions p where p.service = v_service;
  elsif not v_dry_run then
    insert into platform.maintenance_positions (service, position, noted_at)
    values (v_service, p_position, clock_timestamp())
    on conflict (service) do update set position = excluded.position, noted_at = excluded.noted_at;
  end if;
  return true;
end
$$;
comment on function platform.note_maintenance_run(bigint, uuid, jsonb, text) is 'Records how far a run of maintenance has come.';
revoke all on function platform.note_maintenance_run(bigint, uuid, jsonb, text) from public;
grant execute on function platform.note_maintenance_run(bigint, uuid, jsonb, text) to pgfleet_operator;
