-- platform.end_tuning_trial(trial_id, token, ending): closes an open trial. ending: state (kept | rolled-back), decision, explanation,
-- windows, effect, effect_low, effect_high. Errors: PF126 the trial has ended, or another process has taken it over.
create or replace function platform.end_tuning_trial(p_trial_id uuid, p_token bigint, p_ending jsonb) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update platform.tuning_trials t
  set state = p_ending ->> 'state', decision = p_ending ->> 'decision', explanation = p_ending ->> 'explanation',
    windows = coalesce(p_ending -> 'windows', t.windows), effect = (p_ending ->> 'effect')::float8,
    effect_low = (p_ending ->> 'effect_low')::float8, effect_high = (p_ending ->> 'effect_high')::float8,
    ended_at = clock_timestamp()
  where t.trial_id = p_trial_id and t.token = p_token and t.ended_at is null;
  if not found then
    raise exception 'the trial % is not this process''s any more', p_trial_id using errcode = 'PF126';
  end if;
end
$$;
comment on function platform.end_tuning_trial(uuid, bigint, jsonb) is 'Closes a trial with what was measured and decided.';
revoke all on function platform.end_tuning_trial(uuid, bigint, jsonb) from public;
grant execute on function platform.end_tuning_trial(uuid, bigint, jsonb) to pgfleet_operator;
