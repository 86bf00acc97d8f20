-- delivery.find_metrics(tenant, query): a page of points by time, and of one name and its dimensions where given.
-- query: a jsonb object: limit integer (required), name text, dimensions jsonb object (contained in those of the series),
-- from, to timestamptz, after uuid (behind the point of that id), descending boolean.
-- A name whose series are few is looked up series by series; with more the points of the time are read until the page is full.
-- Errors: PF001..PF003 (platform.enter).
create or replace function delivery.find_metrics(p_tenant text, p_query jsonb)
returns table (metric_id uuid, name text, category text, metric_type text, dimensions jsonb, measured_at timestamptz,
  numeric_value double precision, string_value text, boolean_value boolean, "json_value" jsonb, metadata jsonb)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
declare
  c_series_max constant integer := 200;
  v_name text := p_query ->> 'name';
  v_dimensions jsonb := coalesce(p_query -> 'dimensions', '{}'::jsonb);
  v_descending boolean := coalesce((p_query ->> 'descending')::boolean, false);
  v_limit integer := (p_query ->> 'limit')::integer;
  v_after uuid := (p_query ->> 'after')::uuid;
  v_low uuid := coalesce(platform.uuid_floor((p_query ->> 'from')::timestamptz), '00000000-0000-0000-0000-000000000000'::uuid);
  v_high uuid := coalesce(platform.uuid_floor((p_query ->> 'to')::timestamptz), 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid);
  v_series uuid[];
begin
  perform platform.enter(p_tenant);
  -- Either end of the page before is beyond what is left.
  if v_descending and v_after < v_high then
    v_high := v_after;
  end if;
  if v_name is not null or v_dimensions <> '{}'::jsonb then
    v_series := array(
      select s.series_id from delivery.metric_series s
      where s.tenant_id = p_tenant and (v_name is null or s.name = v_name) and s.dimensions @> v_dimensions
    );
    if cardinality(v_series) = 0 then
      return;
    end if;
  end if;
  if v_descending then
    return query
    select m.metric_id, s.name, s.category, s.metric_type, s.dimensions, m.measured_at, m.numeric_value, m.string_value,
      m.boolean_value, m.json_value, m.metadata
    from (
      (
        select f.* from unnest(v_series) as w(series_id)
        cross join lateral (
          select m.* from delivery.metrics m
          where m.tenant_id = p_tenant and m.series_id = w.series_id and m.metric_id >= v_low and m.metric_id < v_high
          order by m.metric_id desc
          limit v_limit
        ) f
        where cardinality(v_series) <= c_series_max
        order by f.metric_id desc
        limit v_limit
      )
      union all
      (
        select m.* from delivery.metrics m
        where coalesce(cardinality(v_series) > c_series_max, true)
          and m.tenant_id = p_tenant and m.metric_id >= v_low and m.metric_id < v_high
          and (v_series is null or m.series_id = any (v_series))
        order by m.metric_id desc
        limit v_limit
      )
    ) m
    cross join lateral (
      select s.* from delivery.metric_series s where s.tenant_id = p_tenant and s.series_id = m.series_id limit 1
    ) s
    order by m.metric_id desc;
  else
    return query
    select m.metric_id, s.name, s.category, s.metric_type, s.dimensions, m.measured_at, m.numeric_value, m.string_value,
      m.boolean_value, m.json_value, m.metadata
    from (
      (
        select f.* from unnest(v_series) as w(series_id)
        cross join lateral (
          select m.* from delivery.metrics m
          where m.tenant_id = p_tenant and m.series_id = w.series_id and m.metric_id >= v_low and m.metric_id < v_high
            and (v_after is null or m.metric_id > v_after)
          order by m.metric_id
          limit v_limit
        ) f
        where cardinality(v_series) <= c_series_max
        order by f.metric_id
        limit v_limit
      )
      union all
      (
        select m.* from delivery.metrics m
        where coalesce(cardinality(v_series) > c_series_max, true)
          and m.tenant_id = p_tenant and m.metric_id >= v_low and m.metric_id < v_high
          and (v_after is null or m.metric_id > v_after)
          and (v_series is null or m.series_id = any (v_series))
        order by m.metric_id
        limit v_limit
      )
    ) m
    cross join lateral (
      select s.* from delivery.metric_series s where s.tenant_id = p_tenant and s.series_id = m.series_id limit 1
    ) s
    order by m.metric_id;
  end if;
end
$$;
comment on function delivery.find_metrics(text, jsonb) is 'A page of points by time, name and dimensions.';
revoke all on function delivery.find_metrics(text, jsonb) from public;
grant execute on function delivery.find_metrics(text, jsonb) to pgfleet_app;
