-- delivery.calculate_aggregated_metrics(tenant, points): takes the points that are not in the rollups yet into those of their
-- minutes, hours and days; hours are merged from minutes and days from hours. Each point is taken in exactly once, however
-- often this runs, whoever runs it at the same moment, and however late a point comes: what counts is the transaction
-- that recorded it, and of those the ones below the oldest running one.
-- points: about how many are taken in; those of one transaction together.
-- returns how many points were taken in (also those without a number), how many rollups that changed, and whether there is
-- more to take in at once.
-- Errors: PF001..PF003 (platform.enter), PF085 the watermark is of another database.
create or replace function delivery.calculate_aggregated_metrics(p_tenant text, p_points integer default 50000)
returns table (points bigint, rollups bigint, more boolean)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set work_mem = '64MB'
as $$
#variable_conflict use_column
declare
  v_from xid8;
  v_to xid8;
begin
  perform platform.enter(p_tenant);
  insert into delivery.metric_watermarks (tenant_id) values (p_tenant) on conflict (tenant_id) do nothing;
  -- Whoever else rolls up waits here, and goes on from where this ends.
  select w.rolled_up_below into v_from from delivery.metric_watermarks w where w.tenant_id = p_tenant for update;
  -- Taken behind the lock and before the points are read: what had ended by then is seen by the statements below.
  v_to := platform.log_transaction(pg_snapshot_xmin(pg_current_snapshot()));
  if v_from > platform.log_transaction(pg_snapshot_xmax(pg_current_snapshot())) then
    raise exception 'metrics of tenant % are rolled up below transaction %, and this database has only come to %', p_tenant, v_from,
        platform.log_transaction(pg_snapshot_xmax(pg_current_snapshot()))
      using errcode = 'PF085', column = 'tenant';
  end if;
  if v_to <= v_from then
    return query select 0::bigint, 0::bigint, false;
    return;
  end if;
  more := false;
  declare
    v_bound xid8;
  begin
    select m.transaction_id into v_bound
    from delivery.metrics m
    where m.tenant_id = p_tenant and m.transaction_id >= v_from and m.transaction_id < v_to
    order by m.transaction_id
    offset p_points
    limit 1;
    if found then
      more := true;
      -- A transaction larger than that is taken in whole.
      if not exists (
        select from delivery.metrics m
        where m.tenant_id = p_tenant and m.transaction_id >= v_from and m.transaction_id < v_bound
      ) then
        v_bound := ((v_bound::text)::numeric + 1)::text::xid8;
      end if;
      v_to := v_bound;
    end if;
  end;
  with point as materialized (
    select m.series_id, m.metric_id, m.numeric_value as value, date_trunc('minute', m.measured_at, 'UTC') as bucket
    from delivery.metrics m
    where m.tenant_id = p_tenant and m.transaction_id >= v_from and m.transaction_id < v_to
  ),
  minute as (
    select p.series_id, p.bucket, count(*) as points, sum(p.value) as total, min(p.value) as minimum, max(p.value) as maximum,
      array_agg(p.metric_id order by p.metric_id) as ids, array_agg(p.value order by p.metric_id) as numbers
    from point p
    where p.value is not null
    group by p.series_id, p.bucket
  ),
  minutes as materialized (
    select m.series_id, m.bucket, m.points, m.total, m.minimum, m.maximum,
      m.ids[1] as first_id, m.numbers[1] as first_value, m.ids[m.points] as last_id, m.numbers[m.points] as last_value
    from minute m
  ),
  hours as materialized (
    select m.series_id, date_trunc('hour', m.bucket, 'UTC') as bucket, sum(m.points)::bigint as points, sum(m.total) as total,
      min(m.minimum) as minimum, max(m.maximum) as maximum,
      (array_agg(m.first_id order by m.bucket))[1] as first_id, (array_agg(m.first_value order by m.bucket))[1] as first_value,
      (array_agg(m.last_id order by m.bucket desc))[1] as last_id, (array_agg(m.last_value order by m.bucket desc))[1] as last_value
    from minutes m
    group by m.series_id, date_trunc('hour', m.bucket, 'UTC')
  ),
  days as (
    select h.series_id, date_trunc('day', h.bucket, 'UTC') as bucket, sum(h.points)::bigint as points, sum(h.total) as total,
      min(h.minimum) as minimum, max(h.maximum) as maximum,
      (array_agg(h.first_id order by h.bucket))[1] as first_id, (array_agg(h.first_value order by h.bucket))[1] as first_value,
      (array_agg(h.last_id order by h.bucket desc))[1] as last_id, (array_agg(h.last_value order by h.bucket desc))[1] as last_value
    from hours h
    group by h.series_id, date_trunc('day', h.bucket, 'UTC')
  ),
  bucket as (
    select 'minute' as resolution, m.* from minutes m
    union all
    select 'hour', h.* from hours h
    union all
    select 'day', d.* from days d
  ),
  minute_key as materialized (
    select p.series_id, p.bucket, delivery.sketch_key(p.value) as key, count(*) as points
    from point p
    where p.value is not null
    group by 1, 2, 3
  ),
  hour_key as materialized (
    select k.series_id, date_trunc('hour', k.bucket, 'UTC') as bucket, k.key, sum(k.points)::bigint as points
    from minute_key k
    group by 1, 2, 3
  ),
  sketch as (
    select k.resolution, k.series_id, k.bucket, array_agg(k.key order by k.key) as keys, array_agg(k.points order by k.key) as counts
    from (
      select 'minute' as resolution, m.* from minute_key m
      union all
      select 'hour', h.* from hour_key h
      union all
      select 'day', d.*
      from (
        select h.series_id, date_trunc('day', h.bucket, 'UTC'), h.key, sum(h.points)::bigint from hour_key h group by 1, 2, 3
      ) d
    ) k
    group by 1, 2, 3
  ),
  merged as (
    insert into delivery.metric_rollups as r
      (tenant_id, resolution, series_id, bucket, points, total, minimum, maximum, first_id, first_value, last_id, last_value, sketch_keys, sketch_counts)
    select p_tenant, b.resolution, b.series_id, b.bucket, b.points, b.total, b.minimum, b.maximum, b.first_id, b.first_value,
      b.last_id, b.last_value, s.keys, s.counts
    from bucket b
    join sketch s on s.resolution = b.resolution and s.series_id = b.series_id and s.bucket = b.bucket
    order by b.resolution, b.series_id, b.bucket
    on conflict (tenant_id, resolution, series_id, bucket) do update
    set points = r.points + excluded.points,
      total = r.total + excluded.total,
      minimum = least(r.minimum, excluded.minimum),
      maximum = greatest(r.maximum, excluded.maximum),
      first_id = least(r.first_id, excluded.first_id),
      first_value = case when excluded.first_id < r.first_id then excluded.first_value else r.first_value end,
      last_id = greatest(r.last_id, excluded.last_id),
      last_value = case when excluded.last_id > r.last_id then excluded.last_value else r.last_value end,
      (sketch_keys, sketch_counts) = (
        select array_agg(m.key order by m.key), array_agg(m.points order by m.key)
        from (
          select u.key, sum(u.points)::bigint as points
          from (
            select * from unnest(r.sketch_keys, r.sketch_counts) as u(key, points)
            union all
            select * from unnest(excluded.sketch_keys, excluded.sketch_counts) as u(key, points)
          ) u
          group by u.key
        ) m
      )
    returning 1
  )
  select (select count(*) from point), (select count(*) from merged) into points, rollups;
  update delivery.metric_watermarks w set rolled_up_below = v_to, rolled_up_at = clock_timestamp() where w.tenant_id = p_tenant;
  return next;
end
$$;
comment on function delivery.calculate_aggregated_metrics(text, integer) is 'Takes points into the rollups of their minutes, hours and days, each exactly once.';
revoke all on function delivery.calculate_aggregated_metrics(text, integer) from public;
grant execute on function delivery.calculate_aggregated_metrics(text, integer) to pgfleet_app;
