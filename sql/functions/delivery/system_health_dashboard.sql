-- delivery.system_health_dashboard: one row a name of metrics, from its rollups of the last 24 hours; all its series together.
drop view if exists delivery.system_health_dashboard;
create view delivery.system_health_dashboard with (security_invoker = true) as
select
  tenant_id, category, name, t.series, t.points, t.total / t.points as mean, t.minimum as min, t.maximum as max,
  greatest(t.minimum, least(t.maximum, delivery.sketch_percentile(k.keys, k.counts, 0.5))) as p50,
  greatest(t.minimum, least(t.maximum, delivery.sketch_percentile(k.keys, k.counts, 0.95))) as p95,
  t.last_value as last, platform.uuid_time(t.last_id) as last_at
from (
  select r.tenant_id, s.name, s.category, sum(r.points)::bigint as points, sum(r.total) as total, min(r.minimum) as minimum,
    max(r.maximum) as maximum, (array_agg(r.last_value order by r.last_id desc))[1] as last_value,
    (array_agg(r.last_id order by r.last_id desc))[1] as last_id, count(distinct r.series_id) as series
  from delivery.metric_rollups r
  join delivery.metric_series s on s.tenant_id = r.tenant_id and s.series_id = r.series_id
  where r.resolution = 'hour' and r.bucket > now() - interval '24 hours'
  group by r.tenant_id, s.name, s.category
) t
join (
  select k.tenant_id, k.name, k.category, array_agg(k.key order by k.key) as keys, array_agg(k.points order by k.key) as counts
  from (
    select r.tenant_id, s.name, s.category, u.key, sum(u.points)::bigint as points
    from delivery.metric_rollups r
    join delivery.metric_series s on s.tenant_id = r.tenant_id and s.series_id = r.series_id
    cross join lateral unnest(r.sketch_keys, r.sketch_counts) as u(key, points)
    where r.resolution = 'hour' and r.bucket > now() - interval '24 hours'
    group by r.tenant_id, s.name, s.category, u.key
  ) k
  group by k.tenant_id, k.name, k.category
) k using (tenant_id, name, category);
comment on view delivery.system_health_dashboard is 'One row a name of metrics: the last 24 hours, and the last value.';
grant select on delivery.system_health_dashboard to pgfleet_app;
