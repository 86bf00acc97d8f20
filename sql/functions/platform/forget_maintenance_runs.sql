-- platform.forget_maintenance_runs(age, rows): removes the records of runs that ended longer ago than `age`, at most so many, the oldest
-- first; returns how many. The last run of each service stays.
create or replace function platform.forget_maintenance_runs(p_age interval, p_rows integer) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_count bigint;
begin
  delete from platform.maintenance_runs r
  where r.run_id in (
    select o.run_id from platform.maintenance_runs o
    where o.ended_at < clock_timestamp() - p_age
      and exists (select from platform.maintenance_runs n where n.service = o.service and n.run_id > o.run_id)
    order by o.run_id
    limit p_rows
  );
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function platform.forget_maintenance_runs(interval, integer) is 'Removes records of old runs of maintenance.';
revoke all on function platform.forget_maintenance_runs(interval, integer) from public;
grant execute on function platform.forget_maintenance_runs(interval, integer) to pgfleet_operator;
