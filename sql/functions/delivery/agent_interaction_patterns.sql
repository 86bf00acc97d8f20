-- delivery.agent_interaction_patterns: one row a type of agent and of interaction, over the last 30 days: how many, how they end, what they
-- cost and take, and the hour of the day (UTC) with the most.
drop view if exists delivery.agent_interaction_patterns;
create view delivery.agent_interaction_patterns with (security_invoker = true) as
select
  i.tenant_id, s.agent_type, i.interaction_type, count(*) as interactions,
  count(*) filter (where i.status = 'completed') as completed,
  count(*) filter (where i.status <> 'completed') as not_completed,
  (avg((i.status = 'completed')::integer))::double precision as success_rate,
  (avg(i.tokens))::double precision as mean_tokens,
  (sum(i.cost_usd))::double precision as cost_usd,
  (avg(i.duration_us) / 1000)::double precision as mean_duration_ms,
  percentile_cont(0.5) within group (order by i.duration_us) / 1000 as p50_duration_ms,
  percentile_cont(0.95) within group (order by i.duration_us) / 1000 as p95_duration_ms,
  (mode() within group (order by extract(hour from i.recorded_at at time zone 'UTC')))::integer as busiest_hour,
  count(distinct i.session_id) as sessions
from delivery.agent_interactions i
join delivery.agent_sessions s on s.tenant_id = i.tenant_id and s.session_id = i.session_id
where i.interaction_id >= platform.uuid_floor(now() - interval '30 days')
group by i.tenant_id, s.agent_type, i.interaction_type;
comment on view delivery.agent_interaction_patterns is 'One row a type of agent and of interaction, over the last 30 days.';
grant select on delivery.agent_interaction_patterns to pgfleet_app;
