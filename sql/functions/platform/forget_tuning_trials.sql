-- platform.forget_tuning_trials(age, rows): removes records of trials that ended longer ago than `age`, at most so many, the oldest
-- first; returns how many. What is kept stays: it says that a setting is ours, and how it was before.
create or replace function platform.forget_tuning_trials(p_age interval, p_rows integer) returns bigint
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  v_count bigint;
begin
  delete from platform.tuning_trials t
  where t.trial_id in (
    select o.trial_id from platform.tuning_trials o
    where o.ended_at < clock_timestamp() - p_age and o.state in ('rolled-back', 'undone')
    order by o.trial_id
    limit p_rows
  );
  get diagnostics v_count = row_count;
  return v_count;
end
$$;
comment on function platform.forget_tuning_trials(interval, integer) is 'Removes records of old trials that were not kept.';
revoke all on function platform.forget_tuning_trials(interval, integer) from public;
grant execute on function platform.forget_tuning_trials(interval, integer) to pgfleet_operator;
