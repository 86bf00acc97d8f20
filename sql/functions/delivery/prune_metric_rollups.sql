-- delivery.prune_metric_rollups(tenant, resolution, age, limit): forgets minutes, hours or days of metrics that ended longer ago than
-- `age`, at most `limit` of them; returns how many. Each resolution is summed up from points by itself: the others stay as they
-- are, and a late point of a minute that was forgotten begins it anew.
create or replace function delivery.prune_metric_rollups(p_tenant text, p_resolution text, p_age interval, p_limit integer) returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set timezone = 'UTC'
as $$
#variable_conflict use_column
declare
  v_below timestamptz := date_trunc(p_resolution, now() - p_age);
  v_deleted integer;
begin
  perform platform.enter(p_tenant);
  -- Series by series: the key, the only index, has the bucket last, and another would cost every update of a rollup.
  with old as materialized (
    select r.series_id, r.bucket
    from delivery.metric_series s
    cross join lateral (
      select o.series_id, o.bucket from delivery.metric_rollups o
      where o.tenant_id = p_tenant and o.resolution = p_resolution and o.series_id = s.series_id and o.bucket < v_below
      order by o.bucket
      limit p_limit
    ) r
    where s.tenant_id = p_tenant
    limit p_limit
  )
  delete from delivery.metric_rollups d
  using old
  where d.tenant_id = p_tenant and d.resolution = p_resolution and d.series_id = old.series_id and d.bucket = old.bucket;
  get diagnostics v_deleted = row_count;
  return v_deleted;
end
$$;
comment on function delivery.prune_metric_rollups(text, text, interval, integer) is 'Forgets old minutes, hours or days of metrics.';
revoke all on function delivery.prune_metric_rollups(text, text, interval, integer) from public;
grant execute on function delivery.prune_metric_rollups(text, text, interval, integer) to pgfleet_app;
