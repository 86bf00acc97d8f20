-- platform.forget_metrics(source): removes the segments of a source that ended longer ago than it keeps them, by this server's clock: the
-- oldest eight at most, so that a retention that was made shorter is caught up with hour by hour; and then the series of which nothing
-- is left. returns how many segments. For pgfleet_owner: platform.append_metric_snapshot calls it when a segment begins.
create or replace function platform.forget_metrics(p_source_id integer) returns integer
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_segments bigint[] := array(
    select g.segment_id
    from platform.metric_segments g
    join platform.metric_sources s on s.source_id = g.source_id
    where g.source_id = p_source_id and not g.is_open and g.last_at < now() - s.keep
    order by g.last_at
    limit 8
  );
begin
  if v_segments = '{}' then
    return 0;
  end if;
  delete from platform.metric_chunks c where c.segment_id = any (v_segments);
  delete from platform.metric_segments g where g.segment_id = any (v_segments);
  -- At this moment no segment is open, so what has no chunk has nothing; a writer that still knows such a series has just
  -- seen it vanish, or sends it whole.
  delete from platform.metric_series s
  where s.source_id = p_source_id
    and not exists (select from platform.metric_chunks c where c.series_id = s.series_id);
  return cardinality(v_segments);
end
$$;
comment on function platform.forget_metrics(integer) is 'Removes what of a history is older than it is kept; for the owner.';
revoke all on function platform.forget_metrics(integer) from public;
