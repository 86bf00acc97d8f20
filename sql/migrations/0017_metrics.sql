--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- Metrics: points, append-only and partitioned by the month inside their UUIDv7; the series that they are points of; and
-- rollups of each series by minute, hour and day, with a sketch of the values that percentiles are read from.

create table delivery.metric_series (
  tenant_id text collate "C" not null,
  series_id uuid not null,
  name text collate "C" not null,
  category text collate "C" not null,
  metric_type text collate "C" not null,
  dimensions jsonb not null,
  created_at timestamptz not null default statement_timestamp(),
  constraint metric_series_pkey primary key (tenant_id, series_id),
  constraint metric_series_name check (name <> ''),
  constraint metric_series_category check (category in ('performance', 'quality', 'usage', 'error', 'business', 'infrastructure', 'security')),
  constraint metric_series_type check (metric_type in ('counter', 'gauge', 'histogram', 'summary', 'timer')),
  constraint metric_series_dimensions check (jsonb_typeof(dimensions) = 'object')
);
comment on table delivery.metric_series is 'One row a name with its dimensions, made by its first point and never changed. Dimensions are searched here, where there are few rows, instead of in the points.';
comment on column delivery.metric_series.series_id is 'Hash of category, type, name and dimensions.';
-- What a list asks for equals comes before the tenant: an index that began like the key could be taken for it, while nobody
-- has counted the rows, and would be read from end to end.
create index metric_series_name on delivery.metric_series (name, tenant_id, series_id);

create table delivery.metrics (
  tenant_id text collate "C" not null,
  metric_id uuid not null,
  transaction_id xid8 not null default pg_current_xact_id(),
  series_id uuid not null,
  measured_at timestamptz not null,
  numeric_value double precision,
  string_value text,
  boolean_value boolean,
  json_value jsonb,
  metadata jsonb,
  constraint metrics_pkey primary key (tenant_id, metric_id),
  constraint metrics_one_value check (num_nonnulls(numeric_value, string_value, boolean_value, json_value) = 1),
  constraint metrics_number_range check (numeric_value between -1e100 and 1e100)
) partition by range (metric_id);
comment on table delivery.metrics is 'One row a point, never changed. Partitioned by the month inside the id.';
comment on column delivery.metrics.metric_id is 'A UUIDv7. Its time is the time of the point, so that a range of time is a range of ids.';
comment on column delivery.metrics.transaction_id is 'The transaction that recorded it. Rollups take in those below the oldest running one, each once, late points included.';
comment on column delivery.metrics.measured_at is 'The time inside the id, for those who read the table.';
comment on column delivery.metrics.numeric_value is 'Exactly one of the four values is set. Numbers alone are rolled up.';
create index metrics_series on delivery.metrics (series_id, tenant_id, metric_id);
create index metrics_order on delivery.metrics (tenant_id, transaction_id);

create table delivery.metric_rollups (
  tenant_id text collate "C" not null,
  resolution text collate "C" not null,
  series_id uuid not null,
  bucket timestamptz not null,
  points bigint not null,
  total double precision not null,
  minimum double precision not null,
  maximum double precision not null,
  first_id uuid not null,
  first_value double precision not null,
  last_id uuid not null,
  last_value double precision not null,
  sketch_keys integer[] not null,
  sketch_counts bigint[] not null,
  constraint metric_rollups_pkey primary key (tenant_id, resolution, series_id, bucket),
  constraint metric_rollups_resolution check (resolution in ('minute', 'hour', 'day')),
  constraint metric_rollups_sketch check (cardinality(sketch_keys) = cardinality(sketch_counts))
) with (fillfactor = 70);
comment on table delivery.metric_rollups is 'The numbers of one series in one minute, hour or day (UTC). Updates leave the key, the one index, alone, so they are HOT.';
comment on column delivery.metric_rollups.first_id is 'The point of first_value: the earliest by time, whenever it was recorded.';
comment on column delivery.metric_rollups.sketch_keys is 'A DDSketch of relative accuracy 1 %: ascending keys, in the order of the values they stand for (see delivery.sketch_key).';
comment on column delivery.metric_rollups.sketch_counts is 'How many points have the key at the same place.';

create table delivery.metric_watermarks (
  tenant_id text collate "C" not null,
  rolled_up_below xid8 not null default '0'::xid8,
  rolled_up_at timestamptz,
  constraint metric_watermarks_pkey primary key (tenant_id)
) with (fillfactor = 50);
comment on table delivery.metric_watermarks is 'How far the points of a tenant are rolled up; its row is what those who roll up lock.';
comment on column delivery.metric_watermarks.rolled_up_below is 'Every point of a transaction below this is in the rollups, and none of any other.';

insert into platform.partitioned_tables (schema_name, table_name, id_column, retention) values
  ('delivery', 'metrics', 'metric_id', interval '100 days');

-- The setting is read in a sub-select: once a statement instead of once a row.
do $$
declare
  v_table regclass;
begin
  for v_table in
    select c.oid from pg_class c
    where c.relnamespace = 'delivery'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity
  loop
    execute format('alter table %s enable row level security', v_table);
    execute format('alter table %s force row level security', v_table);
    execute format('create policy tenant_isolation on %s using (tenant_id = (select current_setting(''pgfleet.tenant'', true))) with check (tenant_id = (select current_setting(''pgfleet.tenant'', true)))', v_table);
    execute format('grant select, insert, update, delete on %s to pgfleet_app', v_table);
  end loop;
end
$$;
-- What was measured stays as it is; months retire with their partitions.
revoke update, delete on delivery.metrics from pgfleet_app;
revoke update, delete on delivery.metric_series from pgfleet_app;
