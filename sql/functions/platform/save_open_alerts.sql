-- platform.save_open_alerts(watched, alerts): puts the alerts that are open of a database that is watched in the place of those before.
create or replace function platform.save_open_alerts(p_watched text, p_alerts jsonb) returns void
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into platform.open_alerts (watched, alerts, saved_at)
  values (p_watched, p_alerts, clock_timestamp())
  on conflict (watched) do update set alerts = excluded.alerts, saved_at = excluded.saved_at;
end
$$;
comment on function platform.save_open_alerts(text, jsonb) is 'Keeps the alerts that a monitor has open.';
revoke all on function platform.save_open_alerts(text, jsonb) from public;
grant execute on function platform.save_open_alerts(text, jsonb) to pgfleet_monitor, pgfleet_operator;
