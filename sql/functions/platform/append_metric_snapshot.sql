-- platform.append_metric_snapshot(source, writer, lease ms, keep, is_first, at, note, settings, series ids, values, new series, their
-- values): keeps one snapshot of a monitor. The first of a segment is whole, and folds the segment before; the others are what
-- changed: value null for a series that is gone. New series are {"metric", "labels", "kind"}; those that are known from earlier get their old
-- ids. Settings are those of the server, null: as before.
-- returns `written` with the ids of the new series in their order; `held`: another monitor writes, which one and until when; or
-- `not-open`: there is no segment of this writer to go on with, so a first snapshot is wanted. Only `written` wrote anything.
create or replace function platform.append_metric_snapshot(
  p_source text, p_writer uuid, p_lease_ms integer, p_keep interval, p_is_first boolean, p_at timestamptz, p_note jsonb, p_settings jsonb,
  p_series_ids integer[], p_values double precision[], p_new_series jsonb, p_new_values double precision[]
) returns table (outcome text, holder uuid, lease_expires_at timestamptz, new_ids integer[])
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_source platform.metric_sources;
  v_segment bigint;
  v_new_ids integer[];
begin
  insert into platform.metric_sources (source, first_at) values (p_source, p_at) on conflict (source) do nothing;
  select s.* into v_source from platform.metric_sources s where s.source = p_source for update;
  if v_source.writer <> p_writer and v_source.lease_expires_at > clock_timestamp() then
    return query select 'held', v_source.writer, v_source.lease_expires_at, null::integer[];
    return;
  end if;
  select g.segment_id into v_segment from platform.metric_segments g where g.source_id = v_source.source_id and g.is_open;
  if not p_is_first and (v_segment is null or v_source.writer is distinct from p_writer) then
    return query select 'not-open', v_source.writer, v_source.lease_expires_at, null::integer[];
    return;
  end if;
  update platform.metric_sources s
  set writer = p_writer, lease_expires_at = clock_timestamp() + p_lease_ms * interval '1 millisecond', keep = p_keep,
    settings = coalesce(p_settings, s.settings)
  where s.source_id = v_source.source_id;
  if p_is_first then
    if v_segment is not null then
      perform platform.fold_metric_segment(v_segment);
    end if;
    perform platform.forget_metrics(v_source.source_id);
    insert into platform.metric_segments (source_id, first_at, last_at) values (v_source.source_id, p_at, p_at)
    returning segment_id into v_segment;
  end if;
  if jsonb_array_length(p_new_series) > 0 then
    insert into platform.metric_series (source_id, metric, labels, kind)
    select v_source.source_id, n.value ->> 'metric', n.value -> 'labels', n.value ->> 'kind'
    from jsonb_array_elements(p_new_series) n
    on conflict (source_id, metric, labels) do nothing;
    select array_agg(s.series_id order by n.place) into v_new_ids
    from jsonb_array_elements(p_new_series) with ordinality as n(value, place)
    join platform.metric_series s
      on s.source_id = v_source.source_id and s.metric = n.value ->> 'metric' and s.labels = n.value -> 'labels';
  end if;
  insert into platform.metric_snapshots (segment_id, ordinal, at, note, series_ids, sample_values)
  select v_segment, coalesce((select max(b.ordinal) + 1 from platform.metric_snapshots b where b.segment_id = v_segment), 0),
    p_at, p_note, p_series_ids || coalesce(v_new_ids, '{}'), p_values || p_new_values;
  update platform.metric_segments g set first_at = least(g.first_at, p_at), last_at = greatest(g.last_at, p_at)
  where g.segment_id = v_segment and (p_at < g.first_at or p_at > g.last_at);
  return query select 'written', p_writer, null::timestamptz, coalesce(v_new_ids, '{}');
end
$$;
comment on function platform.append_metric_snapshot(text, uuid, integer, interval, boolean, timestamptz, jsonb, jsonb, integer[], double precision[], jsonb, double precision[]) is 'Keeps a snapshot of a monitor.';
revoke all on function platform.append_metric_snapshot(text, uuid, integer, interval, boolean, timestamptz, jsonb, jsonb, integer[], double precision[], jsonb, double precision[]) from public;
grant execute on function platform.append_metric_snapshot(text, uuid, integer, interval, boolean, timestamptz, jsonb, jsonb, integer[], double precision[], jsonb, double precision[]) to pgfleet_monitor, pgfleet_operator;
