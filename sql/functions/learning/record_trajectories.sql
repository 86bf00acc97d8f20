-- learning.record_trajectories(tenant, trajectories): keeps trajectories with their rewards; idempotent by id.
--
-- trajectories: a jsonb array of objects
--   id uuid (version 7), agent_type text, initial_state jsonb, execution_ms number, succeeded bool, started_at,
--   completed_at: required
--   rewards: an array, one element a step: a number, or {reward, reward_type (immediate), reward_source, state_hash, action_hash}
--   final_state, states, actions, metadata jsonb; session_id uuid; task_id, error_message text; pattern_ids uuid[];
--   priority number (1)
-- returns one row a trajectory: its total reward, its discounted return (sum of discount_factor^step * reward, with the
-- agent type's factor), and whether the id was there before; then nothing of it was written, and the figures are those
-- of what was kept.
-- A new trajectory counts into its session's tasks and reward, and renews the session's expiry.
-- Errors: PF001..PF003 (platform.enter), PF004 unknown agent type, PF006 the id's time lies outside the window,
-- PF007 quota, PF008 unknown session.
create or replace function learning.record_trajectories(p_tenant text, p_trajectories jsonb)
returns table (ordinal integer, total_reward double precision, discounted_return double precision, replayed boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_unknown bigint;
  v_ids uuid[];
  v_sessions uuid[];
begin
  perform platform.enter(p_tenant);
  select
    min(x.ordinality) filter (where t.agent_type is null),
    array_agg(x.id order by x.ordinality),
    array_agg(distinct x.session_id) filter (where x.session_id is not null)
  into v_unknown, v_ids, v_sessions
  from rows from (jsonb_to_recordset(p_trajectories) as (id uuid, agent_type text, session_id uuid)) with ordinality as x
  left join learning.agent_types t on t.tenant_id = p_tenant and t.agent_type = x.agent_type;
  if v_unknown is not null then
    raise exception 'trajectory %: the tenant has no agent type %', v_unknown,
      coalesce(quote_literal(left(p_trajectories -> (v_unknown::integer - 1) ->> 'agent_type', 80)), 'null')
      using errcode = 'PF004', column = format('trajectories[%s].agentType', v_unknown - 1);
  end if;
  perform platform.check_quota(p_tenant, 'trajectories');
  perform platform.ensure_partitions('learning', 'trajectories', v_ids, 'trajectories');
  perform platform.ensure_partitions('learning', 'rewards', v_ids, 'trajectories');
  if v_sessions is not null then
    -- Locked in the order of the keys, like everything that several batches may share.
    perform from learning.sessions s where s.tenant_id = p_tenant and s.session_id = any (v_sessions) order by s.session_id for update;
    select min(x.ordinality) into v_unknown
    from rows from (jsonb_to_recordset(p_trajectories) as (session_id uuid)) with ordinality as x
    where x.session_id is not null
      and not exists (
        select from learning.sessions s
        where s.tenant_id = p_tenant and s.session_id = x.session_id and s.expires_at > statement_timestamp()
      );
    if v_unknown is not null then
      raise exception 'trajectory %: the tenant has no live session of that id', v_unknown
        using errcode = 'PF008', column = format('trajectories[%s].sessionId', v_unknown - 1);
    end if;
  end if;

  return query
  with trajectory as materialized (
    select x.*, t.discount_factor
    from rows from (
      jsonb_to_recordset(p_trajectories) as (id uuid, agent_type text, session_id uuid, task_id text, initial_state jsonb,
        final_state jsonb, states jsonb, actions jsonb, rewards jsonb, execution_ms double precision, succeeded boolean,
        error_message text, pattern_ids uuid[], priority double precision, started_at timestamptz,
        completed_at timestamptz, metadata jsonb)
    ) with ordinality as x
    join learning.agent_types t on t.tenant_id = p_tenant and t.agent_type = x.agent_type
  ),
  step as materialized (
    select
      t.ordinality, t.id, t.agent_type, t.completed_at, t.discount_factor, (r.place - 1)::integer as step, r.value,
      case jsonb_typeof(r.value) when 'number' then r.value::double precision else (r.value ->> 'reward')::double precision end as reward
    from trajectory t
    cross join lateral jsonb_array_elements(t.rewards) with ordinality as r(value, place)
  ),
  total as materialized (
    select t.ordinality, coalesce(sum(s.reward), 0) as total_reward, count(s.step)::integer as steps,
      -- What is discounted below 1e-150 counts as 0: a product that underflows would be an error.
      coalesce(sum(case
        when s.step = 0 then s.reward
        when s.discount_factor = 0 or abs(s.reward) < 1e-150 then 0
        when s.step * ln(s.discount_factor) < -345 then 0
        else s.reward * power(s.discount_factor, s.step)
      end), 0) as discounted_return
    from trajectory t
    left join step s on s.ordinality = t.ordinality
    group by t.ordinality
  ),
  recorded as (
    insert into learning.trajectories
      (tenant_id, trajectory_id, agent_type, session_id, task_id, initial_state, final_state, states, actions, step_count,
       total_reward, discounted_return, priority, execution_ms, succeeded, error_message, pattern_ids, started_at, completed_at, metadata)
    select p_tenant, t.id, t.agent_type, t.session_id, t.task_id, t.initial_state, t.final_state, coalesce(t.states, '[]'::jsonb),
      coalesce(t.actions, '[]'::jsonb), o.steps, o.total_reward, o.discounted_return, coalesce(t.priority, 1), t.execution_ms,
      t.succeeded, t.error_message, coalesce(t.pattern_ids, '{}'), t.started_at, t.completed_at, coalesce(t.metadata, '{}'::jsonb)
    from trajectory t
    join total o on o.ordinality = t.ordinality
    order by t.id, t.ordinality
    on conflict (tenant_id, trajectory_id) do nothing
    returning trajectory_id, session_id, total_reward
  ),
  rewarded as (
    insert into learning.rewards
      (tenant_id, trajectory_id, step, agent_type, reward, reward_type, reward_source, state_hash, action_hash, observed_at)
    select p_tenant, s.id, s.step, s.agent_type, s.reward, coalesce(s.value ->> 'reward_type', 'immediate'), s.value ->> 'reward_source',
      (s.value ->> 'state_hash')::uuid, (s.value ->> 'action_hash')::uuid, s.completed_at
    from step s
    join recorded n on n.trajectory_id = s.id
    -- Of an id that comes twice in one call, only the first counts.
    where not exists (select from trajectory e where e.id = s.id and e.ordinality < s.ordinality)
  ),
  -- What was kept when an id came first. An array, which is empty but for retries: then no index is read at all, whichever
  -- the planner chose while the partition was young.
  kept as materialized (
    select e.trajectory_id, e.total_reward, e.discounted_return from learning.trajectories e
    where e.tenant_id = p_tenant
      and e.trajectory_id = any (array(select t.id from trajectory t where not exists (select from recorded n where n.trajectory_id = t.id)))
  ),
  counted as (
    update learning.sessions s
    set task_count = s.task_count + n.tasks, total_reward = s.total_reward + n.reward,
      expires_at = date_trunc('day', statement_timestamp(), 'UTC') + make_interval(days => t.retention_days + 1)
    from learning.agent_types t, (
      select r.session_id, count(*)::integer as tasks, sum(r.total_reward) as reward
      from recorded r
      where r.session_id is not null
      group by r.session_id
    ) n
    where s.tenant_id = p_tenant and s.session_id = n.session_id and t.tenant_id = p_tenant and t.agent_type = s.agent_type
  )
  select t.ordinality::integer, coalesce(k.total_reward, o.total_reward), coalesce(k.discounted_return, o.discounted_return),
    n.trajectory_id is null or exists (select from trajectory e where e.id = t.id and e.ordinality < t.ordinality)
  from trajectory t
  join total o on o.ordinality = t.ordinality
  left join recorded n on n.trajectory_id = t.id
  left join kept k on k.trajectory_id = t.id
  order by t.ordinality;
end
$$;
comment on function learning.record_trajectories(text, jsonb) is 'Keeps many trajectories with their rewards and discounted returns; idempotent by id.';
revoke all on function learning.record_trajectories(text, jsonb) from public;
grant execute on function learning.record_trajectories(text, jsonb) to pgfleet_app;
