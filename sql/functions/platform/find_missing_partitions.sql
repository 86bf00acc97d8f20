-- platform.find_missing_partitions(at, months): the monthly partitions that are not there of the month of that moment, by UTC, and
-- of so many months after it, of every registered table. Runs as pgfleet_owner, who may look into every schema.
create or replace function platform.find_missing_partitions(p_at timestamptz, p_months integer) returns table (schema_name text, table_name text, partition_name text, month timestamptz)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select r.schema_name, r.table_name, r.table_name || '_p' || to_char(m.month at time zone 'UTC', 'YYYYMM'), m.month
  from platform.partitioned_tables r
  cross join lateral (
    -- By local time of UTC, so that a month is added, whatever its length and the session's time zone.
    select (date_trunc('month', p_at at time zone 'UTC') + n * interval '1 month') at time zone 'UTC' as month
    from generate_series(0, p_months) n
  ) m
  where to_regclass(format('%I.%I', r.schema_name, r.table_name || '_p' || to_char(m.month at time zone 'UTC', 'YYYYMM'))) is null
  order by m.month, r.schema_name, r.table_name;
end
$$;
comment on function platform.find_missing_partitions(timestamptz, integer) is 'The monthly partitions that are missing from a moment on.';
revoke all on function platform.find_missing_partitions(timestamptz, integer) from public;
grant execute on function platform.find_missing_partitions(timestamptz, integer) to pgfleet_operator;
