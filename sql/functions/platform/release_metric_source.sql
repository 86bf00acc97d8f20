-- platform.release_metric_source(source, writer): ends the lease of a monitor that stops, so that the next need not wait for it to run
-- out; false when another writes.
create or replace function platform.release_metric_source(p_source text, p_writer uuid) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  update platform.metric_sources s set lease_expires_at = '-infinity' where s.source = p_source and s.writer = p_writer;
  return found;
end
$$;
comment on function platform.release_metric_source(text, uuid) is 'Ends the lease of a monitor that stops.';
revoke all on function platform.release_metric_source(text, uuid) from public;
grant execute on function platform.release_metric_source(text, uuid) to pgfleet_monitor, pgfleet_operator;
