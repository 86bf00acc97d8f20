-- delivery.record_metrics(tenant, points): records points, and makes the series that they are the first of; idempotent by id.
--
-- points: a jsonb array of objects
--   id uuid (version 7), whose time is that of the point; name, category, type text: required
--   dimensions jsonb object ({}); number, text, flag or json: exactly one; metadata jsonb; actor_type, actor_id, correlation_id
-- returns no row. One row of the audit log tells of all that an identity recorded in a batch: a row a point would cost as
-- much as the point, and tell what the point tells.
-- Errors: PF001..PF003 (platform.enter), PF006 the id's time lies outside the window; 23514 not exactly one value.
create or replace function delivery.record_metrics(p_tenant text, p_points jsonb)
returns table (ordinal integer)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
-- A batch is sorted in memory: it has at most 8 MB.
set work_mem = '32MB'
as $$
#variable_conflict use_column
declare
  v_actor_type text := p_points -> 0 ->> 'actor_type';
  v_actor_id text := p_points -> 0 ->> 'actor_id';
  v_correlation_id text := p_points -> 0 ->> 'correlation_id';
  v_ids uuid[];
  v_series uuid[];
  v_first text;
  v_last text;
  v_month timestamptz;
  v_prefix text;
  v_is_of_one boolean;
  v_recorded uuid[];
begin
  perform platform.enter(p_tenant);
  -- As text: uuid has no min before PostgreSQL 18. What is needed twice is computed here once: that is a third of the time.
  select array_agg(x.id), min(x.id::text), max(x.id::text),
    array_agg(md5(concat_ws(E'\n', x.category, x.type, x.name, coalesce(x.dimensions, '{}'::jsonb)::text))::uuid),
    bool_and(x.actor_type is not distinct from v_actor_type and x.actor_id is not distinct from v_actor_id
      and x.correlation_id is not distinct from v_correlation_id)
  into v_ids, v_first, v_last, v_series, v_is_of_one
  from jsonb_to_recordset(p_points) as x(id uuid, name text, category text, type text, dimensions jsonb,
    actor_type text, actor_id text, correlation_id text);
  -- The first twelve digits of an id are its milliseconds. Written out, here and below: platform.uuid_time costs as much
  -- as a row.
  v_month := date_trunc('month', to_timestamp(('x0000' || translate(left(v_first, 13), '-', ''))::bit(64)::bigint / 1000.0::double precision), 'UTC');
  -- The usual batch is of one month, whose partition is there, and not of long ago.
  if v_month is distinct from
      date_trunc('month', to_timestamp(('x0000' || translate(left(v_last, 13), '-', ''))::bit(64)::bigint / 1000.0::double precision), 'UTC')
    or v_month not between now() - interval '60 days' and now()
    or to_regclass('delivery.metrics_p' || to_char(v_month at time zone 'UTC', 'YYYYMM')) is null
  then
    perform platform.ensure_partitions('delivery', 'metrics', v_ids, 'metrics');
  end if;
  v_prefix := delivery.audit_prefix();
  -- The usual batch makes no series.
  if exists (
    select from (select distinct u.series_id from unnest(v_series) as u(series_id)) n
    left join lateral (
      select s.series_id from delivery.metric_series s where s.tenant_id = p_tenant and s.series_id = n.series_id limit 1
    ) s on true
    where s.series_id is null
  ) then
    -- In the order of their ids, so that batches that make the same series wait for each other and cannot deadlock.
    insert into delivery.metric_series (tenant_id, series_id, name, category, metric_type, dimensions)
    select distinct on (x.series_id) p_tenant, x.series_id, x.name, x.category, x.type, coalesce(x.dimensions, '{}'::jsonb)
    from rows from (
      jsonb_to_recordset(p_points) as (name text, category text, type text, dimensions jsonb), unnest(v_series)
    ) as x(name, category, type, dimensions, series_id)
    order by x.series_id
    on conflict (tenant_id, series_id) do nothing;
  end if;
  with recorded as (
    insert into delivery.metrics
      (tenant_id, metric_id, series_id, measured_at, numeric_value, string_value, boolean_value, json_value, metadata)
    select p_tenant, x.id, x.series_id,
      to_timestamp(('x0000' || translate(left(x.id::text, 13), '-', ''))::bit(64)::bigint / 1000.0::double precision),
      x.number, x.text, x.flag, x.json, x.metadata
    from rows from (
      jsonb_to_recordset(p_points) as (number double precision, text text, flag boolean, json jsonb, metadata jsonb),
      unnest(v_ids), unnest(v_series)
    ) as x(number, text, flag, json, metadata, id, series_id)
    order by x.id
    on conflict (tenant_id, metric_id) do nothing
    returning metric_id
  )
  select array_agg(r.metric_id) into v_recorded from recorded r;
  if v_is_of_one then
    insert into delivery.audit_log
      (tenant_id, audit_id, entity_type, entity_id, action, actor_type, actor_id, correlation_id, changes)
    select p_tenant, (v_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'metric', v_recorded[1]::text, 'create',
      v_actor_type, v_actor_id, v_correlation_id, jsonb_build_object('points', cardinality(v_recorded))
    where cardinality(v_recorded) > 0;
    return;
  end if;
  insert into delivery.audit_log
    (tenant_id, audit_id, entity_type, entity_id, action, actor_type, actor_id, correlation_id, changes)
  select p_tenant, (v_prefix || '0008000' || to_hex(nextval('delivery.audit_sequence')))::uuid, 'metric', b.first_id, 'create',
    b.actor_type, b.actor_id, b.correlation_id, jsonb_build_object('points', b.points)
  from (
    select x.actor_type, x.actor_id, x.correlation_id, min(x.id::text) as first_id, count(*) as points
    from (
      select distinct on (x.id) x.*
      from rows from (
        jsonb_to_recordset(p_points) as (id uuid, actor_type text, actor_id text, correlation_id text)
      ) with ordinality as x
      order by x.id, x.ordinality
    ) x
    join unnest(v_recorded) as r(id) on r.id = x.id
    group by x.actor_type, x.actor_id, x.correlation_id
  ) b;
end
$$;
comment on function delivery.record_metrics(text, jsonb) is 'Records many points of metrics; idempotent by id.';
revoke all on function delivery.record_metrics(text, jsonb) from public;
grant execute on function delivery.record_metrics(text, jsonb) to pgfleet_app;
