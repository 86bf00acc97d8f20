-- delivery.performance_trends: one row a name of metrics and hour of the last seven days, from rollups, all series together; change is that of the mean
-- against the hour before that has points.
drop view if exists delivery.performance_trends;
create view delivery.performance_trends with (security_invoker = true) as
select
  tenant_id, category, name, bucket, t.series, t.points, t.total / t.points as mean, t.minimum as min, t.maximum as max,
  greatest(t.minimum, least(t.maximum, delivery.sketch_percentile(k.keys, k.counts, 0.5))) as p50,
  greatest(t.minimum, least(t.maximum, delivery.sketch_percentile(k.keys, k.counts, 0.95))) as p95,
  t.total / t.points - lag(t.total / t.points) over (partition by tenant_id, category, name order by bucket) as change
from (
  select r.tenant_id, s.name, s.category, r.bucket, sum(r.points)::bigint as points, sum(r.total) as total, min(r.minimum) as minimum,
    max(r.maximum) as maximum, (array_agg(r.last_value order by r.last_id desc))[1] as last_value,
    (array_agg(r.last_id order by r.last_id desc))[1] as last_id, count(distinct r.series_id) as series
  from delivery.metric_rollups r
  join delivery.metric_series s on s.tenant_id = r.tenant_id and s.series_id = r.series_id
  where r.resolution = 'hour' and r.bucket > now() - interval '7 days'
  group by r.tenant_id, s.name, s.category, r.bucket
) t
join (
  select k.tenant_id, k.name, k.category, k.bucket, array_agg(k.key order by k.key) as keys, array_agg(k.points order by k.key) as counts
  from (
    select r.tenant_id, s.name, s.category, r.bucket, u.key, sum(u.points)::bigint as points
    from delivery.metric_rollups r
    join delivery.metric_series s on s.tenant_id = r.tenant_id and s.series_id = r.series_id
    cross join lateral unnest(r.sketch_keys, r.sketch_counts) as u(key, points)
    where r.resolution = 'hour' and r.bucket > now() - interval '7 days'
    group by r.tenant_id, s.name, s.category, r.bucket, u.key
  ) k
  group by k.tenant_id, k.name, k.category, k.bucket
) k using (tenant_id, name, category, bucket);
comment on view delivery.performance_trends is 'One row a name of metrics and hour: mean, percentiles, change.';
grant select on delivery.performance_trends to pgfleet_app;
