-- platform.begin_tuning_trial(trial_id, holder, trial, milliseconds): opens a trial, which is then this process's alone for so long,
-- unless it is renewed. The way back is in it before anything is changed. trial: knob, place, target, scope, setting, old_value,
-- new_value, apply, undo, reason, metric, guard, window_ms.
-- returns the token; null: another trial is open, whose it is and until when.
create or replace function platform.begin_tuning_trial(p_trial_id uuid, p_holder text, p_trial jsonb, p_milliseconds integer) returns table (token bigint, holder text, held_until timestamptz)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
#variable_conflict use_column
begin
  insert into platform.tuning_trials as t (trial_id, knob, place, target, scope, setting, old_value, new_value, apply_statement,
    undo_statement, reason, metric, guard, window_ms, login, holder, token, held_until, started_at)
  values (p_trial_id, p_trial ->> 'knob', p_trial ->> 'place', p_trial -> 'target', p_trial ->> 'scope', p_trial ->> 'setting',
    p_trial ->> 'old_value', p_trial ->> 'new_value', p_trial ->> 'apply', p_trial ->> 'undo', p_trial ->> 'reason',
    p_trial ->> 'metric', p_trial ->> 'guard', (p_trial ->> 'window_ms')::integer, session_user, p_holder, 1,
    clock_timestamp() + p_milliseconds * interval '1 millisecond', clock_timestamp())
  on conflict do nothing
  returning t.token, t.holder, t.held_until into token, holder, held_until;
  if not found then
    select null::bigint, t.holder, t.held_until into token, holder, held_until
    from platform.tuning_trials t where t.ended_at is null;
  end if;
  return next;
end
$$;
comment on function platform.begin_tuning_trial(uuid, text, jsonb, integer) is 'Opens a trial of a setting, when no other is open.';
revoke all on function platform.begin_tuning_trial(uuid, text, jsonb, integer) from public;
grant execute on function platform.begin_tuning_trial(uuid, text, jsonb, integer) to pgfleet_operator;
