-- learning.learn(tenant, experiences): temporal-difference updates of many experiences in one statement.
--
-- experiences: a jsonb array of objects
--   agent_type text, state_hash uuid, state jsonb, action_hash uuid, action jsonb, reward number: required
--   terminal bool (false): the episode ended, so nothing is expected of the next state
--   next_state_hash uuid: the state it led to; absent means the same as terminal
--   next_action_hash uuid: the action taken there; for sarsa
--   algorithm (q-learning): q-learning | sarsa | expected-sarsa | double-q
--   learning_rate number: instead of the agent type's;  by_visits bool (false): 1 / visits instead
--   discount_factor number, exploration_rate number (for expected-sarsa): instead of the agent type's
--   draw number in [0, 1): which estimate double-q moves; random when absent
--   id uuid (version 7): makes the experience idempotent;  session_id uuid
-- returns one row an experience: its 1-based ordinal, the value and visits right after it was applied, the
-- temporal-difference error, and whether the id had been applied before (then the answer of that time).
--
-- Q-learning: Watkins 1989; SARSA: Rummery & Niranjan 1994; expected SARSA: van Seijen et al. 2009; double
-- Q-learning: van Hasselt 2010. Experiences of one key are applied one after the other in the order of the array; the
-- values of other keys that they read are those at the statement's start. A next state's best is taken over its known
-- actions, and is 0 when none is known. An expired value is gone: an update of it starts anew. Rewards below 1e-290 count
-- as 0, and an error below it is corrected at once: PostgreSQL raises an error where a product of doubles would underflow.
-- Errors: PF001..PF003 (platform.enter), PF004 unknown agent type, PF005 a field is missing or out of range, PF006 the id's time lies
-- outside the window, PF007 new values are over the tenant's quota, PF012 an id was used before for another key.
create or replace function learning.learn(p_tenant text, p_experiences jsonb)
returns table (ordinal integer, q double precision, visits bigint, td_error double precision, replayed boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_now timestamptz := statement_timestamp();
  v_today timestamptz := date_trunc('day', v_now, 'UTC');
  v_has_ids boolean := jsonb_path_exists(p_experiences, '$[*].id');
begin
  perform platform.enter(p_tenant);
  if v_has_ids then
    perform platform.ensure_partitions('learning', 'experiences',
      array(select x.id from rows from (jsonb_to_recordset(p_experiences) as (id uuid)) with ordinality as x order by x.ordinality),
      'experiences');
  end if;

  -- Most batches hold each key once, and lead from one state to another: they are one upsert, in the order of the keys,
  -- so that two batches that share keys wait for each other instead of deadlocking. The row that is offered carries the
  -- target in td_error and the rate in learning_rate: what becomes of an existing row follows from these and itself.
  return query
  with item as materialized (
    select
      x.ordinality::integer as ordinal, x.agent_type, x.state_hash, x.action_hash, x.state, x.action, x.session_id, x.id,
      case when x.by_visits then 0 else coalesce(x.learning_rate, t.learning_rate) end as rate,
      case when abs(x.reward) < 1e-290 then 0 else x.reward end + coalesce(coalesce(x.discount_factor, t.discount_factor) * case coalesce(x.algorithm, 'q-learning')
        when 'q-learning' then next.best
        when 'sarsa' then next.taken
        when 'expected-sarsa' then (1 - coalesce(x.exploration_rate, t.exploration_rate)) * next.best + coalesce(x.exploration_rate, t.exploration_rate) * next.mean
      end, 0) as target,
      v_today + make_interval(days => t.retention_days + 1) as expires_at,
      row_number() over (partition by x.state_hash, x.agent_type, x.action_hash) = 1
        and (x.next_state_hash is distinct from x.state_hash or x.terminal is true)
        and coalesce(x.algorithm, 'q-learning') in ('q-learning', 'sarsa', 'expected-sarsa')
        and coalesce(x.discount_factor, 0) between 0 and 1 and coalesce(x.exploration_rate, 0) between 0 and 1 as is_simple
    from rows from (
      jsonb_to_recordset(p_experiences) as (agent_type text, state_hash uuid, state jsonb, action_hash uuid, action jsonb,
        reward double precision, terminal boolean, next_state_hash uuid, next_action_hash uuid, algorithm text,
        learning_rate double precision, by_visits boolean, discount_factor double precision, exploration_rate double precision,
        session_id uuid, id uuid)
    ) with ordinality as x
    join learning.agent_types t on t.tenant_id = p_tenant and t.agent_type = x.agent_type
    left join lateral (
      -- What the next state's known actions are worth.
      select max(n.value) as best, avg(n.value) as mean, max(n.value) filter (where n.action_hash = x.next_action_hash) as taken
      from (
        select v.action_hash, case when v.q_b is null then v.q else (v.q + v.q_b) / 2 end as value
        from learning.q_values v
        where v.tenant_id = p_tenant and v.state_hash = x.next_state_hash and v.agent_type = x.agent_type and v.expires_at > v_now
        offset 0
      ) n
    ) next on x.terminal is not true and x.next_state_hash is not null
  ),
  written as (
    insert into learning.q_values as v
      (tenant_id, state_hash, agent_type, action_hash, q, visits, td_error, learning_rate, created_at, updated_at, expires_at, state, action, session_id)
    select p_tenant, i.state_hash, i.agent_type, i.action_hash, case when i.rate = 0 then i.target when abs(i.target) < 1e-290 then 0 else i.rate * i.target end, 1,
      i.target, i.rate, v_now, v_now, i.expires_at, i.state, i.action, i.session_id
    from item i
    -- All or none: what is not one upsert is left to learning.learn_in_rounds, which also says what is wrong with a batch.
    where (select bool_and(a.is_simple) and count(*) = jsonb_array_length(p_experiences) and count(a.id) = count(distinct a.id) from item a)
      and not exists (
        select from platform.tenant_usage u
        join platform.tenants l on l.tenant_id = u.tenant_id
        where u.tenant_id = p_tenant and u.resource = 'q_values' and u.row_count >= (l.quotas ->> 'q_values')::numeric
      )
      and not (v_has_ids and exists (
        select from item a
        -- The offset keeps it a look-up by key for each id, whatever the planner believes of the table.
        where exists (select from learning.experiences e where e.tenant_id = p_tenant and e.experience_id = a.id offset 0)
      ))
    order by i.state_hash, i.agent_type, i.action_hash
    on conflict (tenant_id, state_hash, agent_type, action_hash) do update
    set
      q = case
        when v.expires_at <= excluded.updated_at then excluded.q
        when abs(excluded.td_error - v.q) < 1e-290 then excluded.td_error
        when excluded.learning_rate = 1 then excluded.td_error
        else v.q + case when excluded.learning_rate = 0 then 1.0 / (v.visits + 1) else excluded.learning_rate end * (excluded.td_error - v.q)
      end,
      q_b = case when v.expires_at > excluded.updated_at then v.q_b end,
      visits = case when v.expires_at > excluded.updated_at then v.visits + 1 else 1 end,
      td_error = case when v.expires_at > excluded.updated_at then excluded.td_error - v.q else excluded.td_error end,
      learning_rate = excluded.learning_rate,
      created_at = case when v.expires_at > excluded.updated_at then v.created_at else excluded.created_at end,
      updated_at = excluded.updated_at,
      expires_at = excluded.expires_at
    returning v.state_hash, v.agent_type, v.action_hash, case when v.q_b is null then v.q else (v.q + v.q_b) / 2 end as value, v.visits, v.td_error
  ),
  remembered as (
    -- Fails with 23505 when another transaction applied the id in the meantime: repeated, the batch gets its answer.
    insert into learning.experiences (tenant_id, experience_id, state_hash, action_hash, agent_type, q, visits, td_error)
    select p_tenant, i.id, i.state_hash, i.action_hash, i.agent_type, w.value, w.visits, w.td_error
    from item i
    join written w on w.state_hash = i.state_hash and w.action_hash = i.action_hash and w.agent_type = i.agent_type
    where i.id is not null
  )
  select i.ordinal, w.value, w.visits, w.td_error, false
  from item i
  join written w on w.state_hash = i.state_hash and w.action_hash = i.action_hash and w.agent_type = i.agent_type;
  if not found then
    return query select r.ordinal, r.q, r.visits, r.td_error, r.replayed from learning.learn_in_rounds(p_tenant, p_experiences) r;
  end if;
end
$$;
comment on function learning.learn(text, jsonb) is 'Temporal-difference updates of many experiences: Q-learning, SARSA, expected SARSA, double Q-learning; atomic, in order, idempotent by id.';
revoke all on function learning.learn(text, jsonb) from public;
grant execute on function learning.learn(text, jsonb) to pgfleet_app;
