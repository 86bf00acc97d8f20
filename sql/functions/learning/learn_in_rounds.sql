-- learning.learn_in_rounds(tenant, experiences): the half of learning.learn that applies any batch: keys that come more than
-- once, experiences that lead back to their own state, double Q-learning, ids that were applied before. Locks every key
-- first, then applies the experiences of a key one after the other, then writes each key once. Arguments, result and
-- errors are those of learning.learn.
create or replace function learning.learn_in_rounds(p_tenant text, p_experiences jsonb)
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
  v_created bigint;
  v_unknown bigint;
  v_incomplete bigint;
  v_reused bigint;
  v_key record;
  v_has_ids boolean;
begin
  perform platform.enter(p_tenant);

  select
    min(x.ordinality) filter (where t.agent_type is null),
    min(x.ordinality) filter (where x.reward is null or x.state_hash is null or x.action_hash is null
      or coalesce(x.algorithm, 'q-learning') not in ('q-learning', 'sarsa', 'expected-sarsa', 'double-q')
      or coalesce(x.discount_factor, 0) not between 0 and 1 or coalesce(x.exploration_rate, 0) not between 0 and 1),
    bool_or(x.id is not null)
  into v_unknown, v_incomplete, v_has_ids
  from rows from (
    jsonb_to_recordset(p_experiences) as (agent_type text, state_hash uuid, action_hash uuid, reward double precision, algorithm text,
      discount_factor double precision, exploration_rate double precision, id uuid)
  ) with ordinality as x
  left join (
    -- Locked, for what follows reads them again: one that is removed meanwhile would take its experiences along in silence.
    select l.agent_type
    from (select distinct i.agent_type from jsonb_to_recordset(p_experiences) as i(agent_type text) order by 1) d
    cross join lateral (
      select r.agent_type from learning.agent_types r where r.tenant_id = p_tenant and r.agent_type = d.agent_type for key share
    ) l
  ) t on t.agent_type = x.agent_type;
  if v_unknown is not null then
    raise exception 'experience %: the tenant has no agent type %', v_unknown,
      coalesce(quote_literal(left(p_experiences -> (v_unknown::integer - 1) ->> 'agent_type', 80)), 'null')
      using errcode = 'PF004', column = format('experiences[%s].agentType', v_unknown - 1);
  end if;
  if v_incomplete is not null then
    raise exception 'experience % needs reward, state_hash, action_hash, a known algorithm, and rates within 0 and 1', v_incomplete
      using errcode = 'PF005', column = format('experiences[%s]', v_incomplete - 1);
  end if;

  -- Locks every key of the batch, and makes those that are missing, in one pass in the order of the keys: two batches
  -- that share keys wait for each other instead of deadlocking. WHERE false locks an existing row and leaves it as it is.
  insert into learning.q_values
    (tenant_id, state_hash, agent_type, action_hash, q, visits, td_error, learning_rate, created_at, updated_at, expires_at, state, action, session_id)
  select p_tenant, k.state_hash, k.agent_type, k.action_hash, 0, 0, 0, 0, v_now, v_now, v_today, k.state, k.action, k.session_id
  from (
    select distinct on (x.state_hash, x.agent_type, x.action_hash)
      x.state_hash, x.agent_type, x.action_hash, x.state, x.action, x.session_id
    from jsonb_to_recordset(p_experiences)
      as x(agent_type text, state_hash uuid, action_hash uuid, state jsonb, action jsonb, session_id uuid)
    order by x.state_hash, x.agent_type, x.action_hash
  ) k
  on conflict (tenant_id, state_hash, agent_type, action_hash) do update set visits = 0 where false;
  get diagnostics v_created = row_count;
  if v_created > 0 then
    perform platform.check_quota(p_tenant, 'q_values');
  end if;

  if v_has_ids then
    -- Checked under the locks: whoever applied an id before has committed by now.
    select min(x.ordinality) into v_reused
    from rows from (
      jsonb_to_recordset(p_experiences) as (id uuid, agent_type text, state_hash uuid, action_hash uuid)
    ) with ordinality as x
    cross join lateral (
      select e.state_hash, e.agent_type, e.action_hash from learning.experiences e where e.tenant_id = p_tenant and e.experience_id = x.id
      union all
      select a.state_hash, a.agent_type, a.action_hash
      from rows from (jsonb_to_recordset(p_experiences) as (id uuid, agent_type text, state_hash uuid, action_hash uuid)) with ordinality as a
      where a.id = x.id and a.ordinality < x.ordinality
    ) e
    where (e.state_hash, e.agent_type, e.action_hash) <> (x.state_hash, x.agent_type, x.action_hash);
    if v_reused is not null then
      raise exception 'experience %: its id was used before for another state, agent type or action', v_reused
        using errcode = 'PF012', column = format('experiences[%s].id', v_reused - 1);
    end if;
  end if;

  return query
  with recursive item as materialized (
    select
      x.ordinality::integer as ordinal, x.id, x.agent_type, x.state_hash, x.action_hash,
      case when abs(x.reward) < 1e-290 then 0 else x.reward end as reward,
      coalesce(x.algorithm, 'q-learning') as algorithm,
      case when x.by_visits then null else coalesce(x.learning_rate, t.learning_rate) end as rate,
      case when x.terminal or x.next_state_hash is null then 0 else coalesce(x.discount_factor, t.discount_factor) end as discount,
      coalesce(x.exploration_rate, t.exploration_rate) as epsilon,
      -- The experience leads back to the state it came from: its own value, as of then, is one of the next state's.
      (x.next_state_hash = x.state_hash and not coalesce(x.terminal, false)
        and (x.algorithm is distinct from 'sarsa' or x.next_action_hash = x.action_hash)) is true as reads_itself,
      coalesce(x.draw, random()) < 0.5 as moves_first,
      v_today + make_interval(days => t.retention_days + 1) as expires_at,
      done.q as done_q, done.visits as done_visits, done.td_error as done_td_error,
      done.experience_id is not null as is_done,
      other.best, other.total, other.known, other.taken,
      pair.best_a, pair.best_a_by_b, pair.best_b, pair.best_b_by_a
    from rows from (jsonb_to_recordset(p_experiences) as (agent_type text, state_hash uuid, action_hash uuid, reward double precision, terminal boolean,
           next_state_hash uuid, next_action_hash uuid, algorithm text, learning_rate double precision, by_visits boolean,
           discount_factor double precision, exploration_rate double precision, draw double precision, id uuid)) with ordinality as x
    join learning.agent_types t on t.tenant_id = p_tenant and t.agent_type = x.agent_type
    left join lateral (
      select e.* from learning.experiences e where e.tenant_id = p_tenant and e.experience_id = x.id limit 1
    ) done on x.id is not null
    cross join lateral (
      -- What the next state's other actions are worth; none when the episode ended.
      select
        max(n.value) as best, sum(n.value) as total, count(*) as known,
        max(n.value) filter (where n.action_hash = x.next_action_hash) as taken
      from (
        select v.action_hash, case when v.q_b is null then v.q else (v.q + v.q_b) / 2 end as value
        from learning.q_values v
        where v.tenant_id = p_tenant and v.state_hash = x.next_state_hash and v.agent_type = x.agent_type
          and v.expires_at > v_now and v.visits > 0
          and (v.state_hash, v.action_hash) is distinct from (x.state_hash, x.action_hash)
          and not coalesce(x.terminal, false)
        offset 0
      ) n
    ) other
    left join lateral (
      select
        max(n.q) as best_a, (array_agg(coalesce(n.q_b, 0) order by n.q desc, n.action_hash))[1] as best_a_by_b,
        max(coalesce(n.q_b, 0)) as best_b, (array_agg(n.q order by coalesce(n.q_b, 0) desc, n.action_hash))[1] as best_b_by_a
      from learning.q_values n
      where n.tenant_id = p_tenant and n.state_hash = x.next_state_hash and n.agent_type = x.agent_type
        and n.expires_at > v_now and n.visits > 0
        and (n.state_hash, n.action_hash) is distinct from (x.state_hash, x.action_hash)
    ) pair on x.algorithm = 'double-q' and not coalesce(x.terminal, false)
  ),
  -- The experiences to apply: not those applied before, and of an id that comes twice only the first.
  todo as materialized (
    select
      i.*,
      row_number() over (partition by i.state_hash, i.agent_type, i.action_hash order by i.ordinal) as nth,
      count(*) over (partition by i.state_hash, i.agent_type, i.action_hash) as of
    from (
      select i.*, i.id is not null and row_number() over (partition by i.id order by i.ordinal) > 1 as is_again
      from item i
      where not i.is_done
    ) i
    where not i.is_again
  ),
  own as materialized (
    select k.state_hash, k.agent_type, k.action_hash, v.q, v.q_b, v.visits
    from todo k
    cross join lateral (
      select
        case when v.expires_at > v_now then v.q else 0 end as q,
        case when v.expires_at > v_now then v.q_b end as q_b,
        case when v.expires_at > v_now then v.visits else 0 end as visits
      from learning.q_values v
      where v.tenant_id = p_tenant and v.state_hash = k.state_hash and v.agent_type = k.agent_type and v.action_hash = k.action_hash
      limit 1
    ) v
    where k.nth = 1
  ),
  -- One round for each repetition of a key: most batches take one.
  applied as (
    select o.state_hash, o.agent_type, o.action_hash, 0::bigint as nth, 0 as ordinal,
      o.q, o.q_b, o.visits, 0::double precision as td_error
    from own o
    union all
    select
      s.state_hash, s.agent_type, s.action_hash, s.nth, s.ordinal,
      case when not s.moves_first then s.q when s.is_replaced then s.target else s.q + s.step end,
      case when s.moves_first then s.q_b when s.is_replaced then s.target else s.q_b + s.step end,
      s.visits, s.error
    from (
      -- The target itself where the step is all of the way, or too small to be multiplied: free of rounding.
      select r.*, r.rate = 1 or abs(r.error) < 1e-290 as is_replaced,
        case when abs(r.error) < 1e-290 then 0 else r.rate * r.error end as step
      from (
      select w.*, w.target - w.before as error from (
      select
        a.state_hash, a.agent_type, a.action_hash, i.nth, i.ordinal, a.q, a.visits + 1 as visits,
        case when i.algorithm = 'double-q' then coalesce(a.q_b, 0) else a.q_b end as q_b,
        i.algorithm <> 'double-q' or i.moves_first as moves_first,
        coalesce(i.rate, 1.0 / (a.visits + 1)) as rate,
        i.reward + i.discount * coalesce(case
          when i.algorithm = 'q-learning' then
            case when i.reads_itself and a.visits > 0 then greatest(i.best, own_value.value) else i.best end
          when i.algorithm = 'sarsa' then
            case when i.reads_itself then own_value.value else i.taken end
          when i.algorithm = 'expected-sarsa' then
            case
              when i.reads_itself and a.visits > 0 then
                (1 - i.epsilon) * greatest(i.best, own_value.value)
                + i.epsilon * (coalesce(i.total, 0) + own_value.value) / (i.known + 1)
              else (1 - i.epsilon) * i.best + i.epsilon * i.total / nullif(i.known, 0)
            end
          when i.moves_first then
            case when i.reads_itself and a.visits > 0 and (i.best_a is null or a.q > i.best_a) then coalesce(a.q_b, 0) else i.best_a_by_b end
          else
            case when i.reads_itself and a.visits > 0 and (i.best_b is null or coalesce(a.q_b, 0) > i.best_b) then a.q else i.best_b_by_a end
        end, 0) as target,
        case when i.algorithm = 'double-q' and not i.moves_first then coalesce(a.q_b, 0) else a.q end as before
      from applied a
      join todo i
        on i.state_hash = a.state_hash and i.agent_type = a.agent_type and i.action_hash = a.action_hash and i.nth = a.nth + 1
      cross join lateral (select case when a.q_b is null then a.q else (a.q + a.q_b) / 2 end as value) own_value
      ) w
      ) r
    ) s
  ),
  written as (
    -- An upsert, though every row is there: it finds each by the key's index, whatever the planner believes of the table.
    insert into learning.q_values as v
      (tenant_id, state_hash, agent_type, action_hash, q, q_b, visits, td_error, learning_rate, created_at, updated_at, expires_at, state, action)
    select p_tenant, a.state_hash, a.agent_type, a.action_hash, a.q, a.q_b, a.visits, a.td_error, coalesce(i.rate, 0),
      v_now, v_now, i.expires_at, 'null'::jsonb, 'null'::jsonb
    from applied a
    join todo i on i.ordinal = a.ordinal
    where a.nth = i.of
    order by a.state_hash, a.agent_type, a.action_hash
    on conflict (tenant_id, state_hash, agent_type, action_hash) do update
    set q = excluded.q, q_b = excluded.q_b, visits = excluded.visits, td_error = excluded.td_error, learning_rate = excluded.learning_rate,
      created_at = case when v.expires_at > excluded.updated_at then v.created_at else excluded.created_at end,
      updated_at = excluded.updated_at, expires_at = excluded.expires_at
  ),
  remembered as (
    insert into learning.experiences (tenant_id, experience_id, state_hash, action_hash, agent_type, q, visits, td_error)
    select p_tenant, i.id, i.state_hash, i.action_hash, i.agent_type,
      case when a.q_b is null then a.q else (a.q + a.q_b) / 2 end, a.visits, a.td_error
    from todo i
    join applied a on a.ordinal = i.ordinal
    where i.id is not null
  )
  select
    i.ordinal,
    coalesce(i.done_q, case when a.q_b is null then a.q else (a.q + a.q_b) / 2 end),
    coalesce(i.done_visits, a.visits),
    coalesce(i.done_td_error, a.td_error),
    i.is_done or a.ordinal <> i.ordinal
  from item i
  left join todo f on f.id = i.id and not i.is_done and f.ordinal <> i.ordinal
  left join applied a on a.ordinal = coalesce(f.ordinal, i.ordinal)
  order by i.ordinal;

  -- A replay of an experience whose value has expired and was removed since finds the row that was made for its lock.
  if v_created > 0 and v_has_ids then
    for v_key in
      select distinct x.agent_type, x.state_hash, x.action_hash
      from jsonb_to_recordset(p_experiences) as x(agent_type text, state_hash uuid, action_hash uuid)
    loop
      delete from learning.q_values v
      where v.tenant_id = p_tenant and v.state_hash = v_key.state_hash and v.agent_type = v_key.agent_type
        and v.action_hash = v_key.action_hash and v.visits = 0;
    end loop;
  end if;
end
$$;
comment on function learning.learn_in_rounds(text, jsonb) is 'The half of learning.learn that applies any batch, key by key in rounds.';
revoke all on function learning.learn_in_rounds(text, jsonb) from public;
grant execute on function learning.learn_in_rounds(text, jsonb) to pgfleet_app;
