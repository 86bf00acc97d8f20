-- platform.fold_metric_segment(segment): makes of the snapshots of a segment one row a series, and closes it. Half an hour of a busy
-- server takes tens of milliseconds. For pgfleet_owner: platform.append_metric_snapshot calls it when a segment ends.
create or replace function platform.fold_metric_segment(p_segment_id bigint) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_snapshots bigint := (select count(*) from platform.metric_snapshots s where s.segment_id = p_segment_id);
begin
  insert into platform.metric_chunks (series_id, segment_id, ordinals, sample_values)
  select u.series_id, p_segment_id,
    case when count(*) < v_snapshots then array_agg(s.ordinal order by s.ordinal) end,
    array_agg(u.sample_value order by s.ordinal)
  from platform.metric_snapshots s
  cross join unnest(s.series_ids, s.sample_values) as u(series_id, sample_value)
  where s.segment_id = p_segment_id
  group by u.series_id;
  update platform.metric_segments g
  set is_open = false, offsets = f.offsets, notes = f.notes
  from (
    select array_agg((extract(epoch from s.at - o.first_at) * 1000)::integer order by s.ordinal) as offsets,
      coalesce(jsonb_object_agg(s.ordinal, s.note) filter (where s.note is not null), '{}') as notes
    from platform.metric_snapshots s
    join platform.metric_segments o on o.segment_id = s.segment_id
    where s.segment_id = p_segment_id
  ) f
  where g.segment_id = p_segment_id;
  delete from platform.metric_snapshots s where s.segment_id = p_segment_id;
end
$$;
comment on function platform.fold_metric_segment(bigint) is 'Closes a segment of snapshots; for the owner.';
revoke all on function platform.fold_metric_segment(bigint) from public;
