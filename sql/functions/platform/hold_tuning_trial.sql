-- platform.hold_tuning_trial(trial_id, token, state, milliseconds): goes on holding an open trial for so long, and says whether its
-- change is made. In the transaction that makes or takes back a change it comes first: the row stays locked until that ends, so a
-- process that was stopped for too long changes nothing any more. state null: as it is.
-- Errors: PF126 the trial has ended, or another process has taken it over.
create or replace function platform.hold_tuning_trial(p_trial_id uuid, p_token bigint, p_state text, p_milliseconds integer) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update platform.tuning_trials t
  set held_until = clock_timestamp() + p_milliseconds * interval '1 millisecond', state = coalesce(p_state, t.state),
    applied_at = case when p_state = 'applied' then coalesce(t.applied_at, clock_timestamp()) else t.applied_at end
  where t.trial_id = p_trial_id and t.token = p_token and t.ended_at is null;
  if not found then
    raise exception 'the trial % is not this process''s any more', p_trial_id using errcode = 'PF126';
  end if;
end
$$;
comment on function platform.hold_tuning_trial(uuid, bigint, text, integer) is 'Renews the hold on an open trial, and tells how far it is.';
revoke all on function platform.hold_tuning_trial(uuid, bigint, text, integer) from public;
grant execute on function platform.hold_tuning_trial(uuid, bigint, text, integer) to pgfleet_operator;
