-- platform.claim_tuning_trial(holder, milliseconds): takes an open trial over whose process was lost, to roll it back: one whose hold
-- has run out by this server's clock. returns its id and new token; no row: none is open, or its process still holds it.
create or replace function platform.claim_tuning_trial(p_holder text, p_milliseconds integer) returns table (trial_id uuid, token bigint)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
#variable_conflict use_column
begin
  return query
  update platform.tuning_trials t
  set holder = p_holder, token = t.token + 1, held_until = clock_timestamp() + p_milliseconds * interval '1 millisecond'
  where t.ended_at is null and t.held_until < clock_timestamp()
  returning t.trial_id, t.token;
end
$$;
comment on function platform.claim_tuning_trial(text, integer) is 'Takes over a trial whose process was lost.';
revoke all on function platform.claim_tuning_trial(text, integer) from public;
grant execute on function platform.claim_tuning_trial(text, integer) to pgfleet_operator;
