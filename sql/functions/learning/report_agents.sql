-- learning.report_agents(tenant, reports): adds what agents did to their states; a new agent starts with its type's rates.
-- reports: a jsonb array of {agent_type text, agent_instance_id text, status text (unchanged), succeeded integer (0),
-- failed integer (0), reward number (0), patterns_learned integer (0), episodes integer (0)}; several of one agent add
-- up, the last status counts. Each episode multiplies the exploration rate by the type's decay, down to its minimum.
-- returns the agent's state after the whole batch, one row a report.
-- Errors: PF001..PF003 (platform.enter), PF004 unknown agent type.
create or replace function learning.report_agents(p_tenant text, p_reports jsonb)
returns table (ordinal integer, status text, total_tasks bigint, successful_tasks bigint, failed_tasks bigint,
  total_reward double precision, average_reward double precision, success_rate double precision,
  exploration_rate double precision, learning_rate double precision, patterns_learned bigint)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_now timestamptz := statement_timestamp();
  v_unknown bigint;
begin
  perform platform.enter(p_tenant);
  select min(x.ordinality) into v_unknown
  from rows from (jsonb_to_recordset(p_reports) as (agent_type text)) with ordinality as x
  left join learning.agent_types t on t.tenant_id = p_tenant and t.agent_type = x.agent_type
  where t.agent_type is null;
  if v_unknown is not null then
    raise exception 'report %: the tenant has no agent type %', v_unknown,
      coalesce(quote_literal(left(p_reports -> (v_unknown::integer - 1) ->> 'agent_type', 80)), 'null')
      using errcode = 'PF004', column = format('reports[%s].agentType', v_unknown - 1);
  end if;
  -- Locks what is there and makes what is missing, in the order of the keys; an expired agent starts anew.
  insert into learning.agent_states as a
    (tenant_id, agent_type, agent_instance_id, exploration_rate, learning_rate, initialized_at, last_activity_at, expires_at)
  select distinct on (x.agent_type, x.agent_instance_id)
    p_tenant, x.agent_type, x.agent_instance_id, t.exploration_rate, t.learning_rate, v_now, v_now,
    date_trunc('day', v_now, 'UTC') + make_interval(days => t.retention_days + 1)
  from jsonb_to_recordset(p_reports) as x(agent_type text, agent_instance_id text)
  join learning.agent_types t on t.tenant_id = p_tenant and t.agent_type = x.agent_type
  order by x.agent_type, x.agent_instance_id
  on conflict (tenant_id, agent_type, agent_instance_id) do update
  set status = 'idle', total_tasks = 0, successful_tasks = 0, failed_tasks = 0, total_reward = 0, patterns_learned = 0,
    exploration_rate = excluded.exploration_rate, learning_rate = excluded.learning_rate, initialized_at = excluded.initialized_at
  where a.expires_at <= excluded.last_activity_at;

  return query
  with report as (
    select x.ordinality::integer as ordinal, x.agent_type, x.agent_instance_id, x.status, coalesce(x.succeeded, 0) as succeeded,
      coalesce(x.failed, 0) as failed, coalesce(x.reward, 0) as reward, coalesce(x.patterns_learned, 0) as patterns_learned,
      coalesce(x.episodes, 0) as episodes
    from rows from (
      jsonb_to_recordset(p_reports) as (agent_type text, agent_instance_id text, status text, succeeded integer, failed integer,
        reward double precision, patterns_learned integer, episodes integer)
    ) with ordinality as x
  ),
  added as (
    update learning.agent_states a
    set status = coalesce(r.status, a.status),
      total_tasks = a.total_tasks + r.succeeded + r.failed,
      successful_tasks = a.successful_tasks + r.succeeded,
      failed_tasks = a.failed_tasks + r.failed,
      total_reward = a.total_reward + r.reward,
      patterns_learned = a.patterns_learned + r.patterns_learned,
      exploration_rate = greatest(least(a.exploration_rate, t.min_exploration_rate), 
        case when r.episodes * ln(t.exploration_decay) < -345 then 0 else a.exploration_rate * power(t.exploration_decay, r.episodes) end),
      last_activity_at = v_now,
      expires_at = date_trunc('day', v_now, 'UTC') + make_interval(days => t.retention_days + 1)
    from (
      select n.agent_type, n.agent_instance_id, sum(n.succeeded) as succeeded, sum(n.failed) as failed, sum(n.reward) as reward,
        sum(n.patterns_learned) as patterns_learned, sum(n.episodes) as episodes,
        (array_agg(n.status order by n.ordinal desc) filter (where n.status is not null))[1] as status
      from report n
      group by n.agent_type, n.agent_instance_id
    ) r
    join learning.agent_types t on t.tenant_id = p_tenant and t.agent_type = r.agent_type
    where a.tenant_id = p_tenant and a.agent_type = r.agent_type and a.agent_instance_id = r.agent_instance_id
    returning a.*
  )
  select r.ordinal, a.status, a.total_tasks, a.successful_tasks, a.failed_tasks, a.total_reward, a.average_reward, a.success_rate,
    a.exploration_rate, a.learning_rate, a.patterns_learned
  from report r
  join added a on a.agent_type = r.agent_type and a.agent_instance_id = r.agent_instance_id
  order by r.ordinal;
end
$$;
comment on function learning.report_agents(text, jsonb) is 'Adds what agents did to their states, and decays their exploration.';
revoke all on function learning.report_agents(text, jsonb) from public;
grant execute on function learning.report_agents(text, jsonb) to pgfleet_app;
