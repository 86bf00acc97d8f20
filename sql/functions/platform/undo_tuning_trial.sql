-- platform.undo_tuning_trial(trial_id): says that the change of a kept trial is taken back, by whom; in the transaction that does.
-- returns false when it is not kept, or not any more.
create or replace function platform.undo_tuning_trial(p_trial_id uuid) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update platform.tuning_trials t set state = 'undone', undone_at = clock_timestamp(), undone_by = session_user
  where t.trial_id = p_trial_id and t.state = 'kept';
  return found;
end
$$;
comment on function platform.undo_tuning_trial(uuid) is 'Marks a kept trial as taken back.';
revoke all on function platform.undo_tuning_trial(uuid) from public;
grant execute on function platform.undo_tuning_trial(uuid) to pgfleet_operator;
