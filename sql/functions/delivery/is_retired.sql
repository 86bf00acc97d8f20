-- delivery.is_retired(id, kept_from): whether the audit row of this id went with its month: the partition is gone, and all of the
-- month lies before kept_from. A month that is missing and should be kept has not retired: somebody removed it.
create or replace function delivery.is_retired(p_id uuid, p_kept_from timestamptz) returns boolean
language plpgsql stable strict
set search_path = pg_catalog, pg_temp
as $$
declare
  v_time timestamptz := platform.uuid_time(p_id);
begin
  -- The usual row is of a month that is kept; the catalogue is not asked.
  return date_trunc('month', v_time at time zone 'UTC') + interval '1 month' < p_kept_from at time zone 'UTC'
    and to_regclass('delivery.audit_log_p' || to_char(v_time at time zone 'UTC', 'YYYYMM')) is null;
end
$$;
comment on function delivery.is_retired(uuid, timestamptz) is 'Whether an audit row retired with its month.';
revoke all on function delivery.is_retired(uuid, timestamptz) from public;
grant execute on function delivery.is_retired(uuid, timestamptz) to pgfleet_app;
