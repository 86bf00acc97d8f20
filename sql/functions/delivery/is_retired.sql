-- delivery.is_retired(id, table, kept_from): whether the row of this id went from audit_log or agent_interactions with its month: the
-- partition is gone, and all of the month lies before kept_from. A month that is missing and should be kept has not retired: somebody
-- removed it.
create or replace function delivery.is_retired(p_id uuid, p_table text, p_kept_from timestamptz) returns boolean
language plpgsql stable strict
set search_path = pg_catalog, pg_temp
as $$
declare
  v_time timestamptz := platform.uuid_time(p_id);
begin
  -- The usual row is of a month that is kept; the catalogue is not asked.
  return date_trunc('month', v_time at time zone 'UTC') + interval '1 month' < p_kept_from at time zone 'UTC'
    and to_regclass(format('delivery.%I', p_table || '_p' || to_char(v_time at time zone 'UTC', 'YYYYMM'))) is null;
end
$$;
comment on function delivery.is_retired(uuid, text, timestamptz) is 'Whether a row of the audit retired with its month.';
revoke all on function delivery.is_retired(uuid, text, timestamptz) from public;
grant execute on function delivery.is_retired(uuid, text, timestamptz) to pgfleet_app;
