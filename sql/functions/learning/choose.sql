-- learning.choose(tenant, requests): chooses an action for each state.
--
-- requests: a jsonb array of objects
--   agent_type text, state_hash uuid: required
--   strategy (epsilon-greedy): epsilon-greedy | softmax | ucb1
--   epsilon number: chance of a random action; the agent type's exploration rate when absent
--   temperature number (1): softmax draws action i with weight exp(q_i / temperature)
--   exploration_weight number (sqrt 2): ucb1 takes the highest q + weight * sqrt(ln(visits of the state) / visits of the action)
--   actions: an array of action hashes; only these may be chosen, and those without a value count as value 0, 0 visits
--   seed bigint: the same seed, state and values choose the same action
-- returns one row a request: the action's hash, its JSON where the database knows it, its value and visits (null when
-- nothing is known of it), where the values came from (agent-type, category, fleet: the first of these that knows the
-- state; none), and whether the action was explored rather than the best. No action at all when nothing is known and
-- no actions were given. Values of category and fleet are means weighted by visits.
--
-- Softmax by the Gumbel-max method (Gumbel 1954); UCB1: Auer, Cesa-Bianchi & Fischer 2002. Ties are broken at random.
-- Errors: PF001..PF003 (platform.enter), PF004 unknown agent type, PF005 unknown strategy or a number out of range.
create or replace function learning.choose(p_tenant text, p_requests jsonb)
returns table (ordinal integer, action_hash uuid, action jsonb, q double precision, visits bigint, source text, explored boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  v_unknown bigint;
begin
  perform platform.enter(p_tenant);
  select min(x.ordinality) into v_unknown
  from rows from (jsonb_to_recordset(p_requests) as (agent_type text)) with ordinality as x
  left join learning.agent_types t on t.tenant_id = p_tenant and t.agent_type = x.agent_type
  where t.agent_type is null;
  if v_unknown is not null then
    raise exception 'request %: the tenant has no agent type %', v_unknown,
      coalesce(quote_literal(left(p_requests -> (v_unknown::integer - 1) ->> 'agent_type', 80)), 'null')
      using errcode = 'PF004', column = format('requests[%s].agentType', v_unknown - 1);
  end if;
  select min(x.ordinality) into v_unknown
  from rows from (
    jsonb_to_recordset(p_requests) as (strategy text, epsilon double precision, temperature double precision, exploration_weight double precision)
  ) with ordinality as x
  where x.strategy not in ('epsilon-greedy', 'softmax', 'ucb1') or x.epsilon not between 0 and 1
    or x.temperature not between 1e-9 and 1e9 or x.exploration_weight not between 0 and 1e9;
  if v_unknown is not null then
    raise exception 'request % has an unknown strategy, or a number out of its range', v_unknown
      using errcode = 'PF005', column = format('requests[%s]', v_unknown - 1);
  end if;
  return query
  select r.ordinal, c.action_hash, c.action, c.value, c.visits, coalesce(c.source, 'none'), coalesce(c.score <> c.best or r.explores, false)
  from (
    select
      x.ordinality::integer as ordinal, x.agent_type, x.state_hash, t.category, x.actions, x.seed,
      coalesce(x.strategy, 'epsilon-greedy') as strategy,
      coalesce(x.temperature, 1) as temperature,
      coalesce(x.exploration_weight, sqrt(2::double precision)) as exploration_weight,
      coalesce(x.strategy, 'epsilon-greedy') = 'epsilon-greedy'
        and learning.draw(x.seed, x.state_hash::text || ':explore') < coalesce(x.epsilon, t.exploration_rate) as explores
    from rows from (
      jsonb_to_recordset(p_requests) as (agent_type text, state_hash uuid, strategy text, epsilon double precision,
        temperature double precision, exploration_weight double precision, actions uuid[], seed bigint)
    ) with ordinality as x
    join learning.agent_types t on t.tenant_id = p_tenant and t.agent_type = x.agent_type
    offset 0
  ) r
  left join lateral (
    select s.*, coalesce(s.value, 0) as score, max(coalesce(s.value, 0)) over () as best
    from (
      select
        coalesce(k.action_hash, a.action_hash) as action_hash, k.action, k.value, coalesce(k.visits, 0) as visits, k.source,
        sum(coalesce(k.visits, 0)) over () as state_visits,
        learning.draw(r.seed, r.state_hash::text || coalesce(k.action_hash, a.action_hash)::text) as luck
      from (
        select v.action_hash, v.action, case when v.q_b is null then v.q else (v.q + v.q_b) / 2 end as value, v.visits, 'agent-type' as source
        from learning.q_values v
        where v.tenant_id = p_tenant and v.state_hash = r.state_hash and v.agent_type = r.agent_type
          and v.expires_at > statement_timestamp()
          and (r.actions is null or v.action_hash = any (r.actions))
        union all
        -- Asked only when the type itself knows nothing: others' values of the state, of the category if it has any.
        select f.action_hash, (array_agg(f.action order by f.visits desc, f.agent_type))[1], sum(f.value * f.visits) / sum(f.visits),
          sum(f.visits)::bigint, case when f.is_near then 'category' else 'fleet' end
        from (
          select v.agent_type, v.action_hash, v.action, case when v.q_b is null then v.q else (v.q + v.q_b) / 2 end as value, v.visits,
            bool_or(o.category = r.category) over () as is_near, o.category = r.category as is_of_category
          from learning.q_values v
          join learning.agent_types o on o.tenant_id = p_tenant and o.agent_type = v.agent_type
          where v.tenant_id = p_tenant and v.state_hash = r.state_hash and v.expires_at > statement_timestamp() and v.visits > 0
            and (r.actions is null or v.action_hash = any (r.actions))
            and not exists (
              select from learning.q_values w
              where w.tenant_id = p_tenant and w.state_hash = r.state_hash and w.agent_type = r.agent_type
                and w.expires_at > statement_timestamp() and (r.actions is null or w.action_hash = any (r.actions))
            )
        ) f
        where f.is_of_category or not f.is_near
        group by f.action_hash, f.is_near
      ) k
      full join (select distinct u.action_hash from unnest(r.actions) as u(action_hash)) a on a.action_hash = k.action_hash
    ) s
    order by
      case r.strategy
        when 'softmax' then coalesce(s.value, 0) / r.temperature - ln(-ln(s.luck))
        when 'ucb1' then
          case when s.visits = 0 then 'infinity'
          else coalesce(s.value, 0) + r.exploration_weight * sqrt(ln(s.state_visits::double precision) / s.visits) end
        else case when r.explores then s.luck else coalesce(s.value, 0) end
      end desc,
      s.luck desc
    limit 1
  ) c on true;
end
$$;
comment on function learning.choose(text, jsonb) is 'Chooses an action for each of many states: epsilon-greedy, softmax or UCB1; falls back to category and fleet.';
revoke all on function learning.choose(text, jsonb) from public;
grant execute on function learning.choose(text, jsonb) to pgfleet_app;
