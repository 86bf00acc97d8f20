-- platform.create_partition_ahead(schema, table, month): makes the partition of the month that begins then, by UTC. For
-- maintenance; narrow: registered tables only, from this month to two years ahead. It reads and writes no tenant row.
-- returns false when it is there. Errors: PF005 another table or month.
create or replace function platform.create_partition_ahead(p_schema text, p_table text, p_month timestamptz) returns boolean
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from platform.partitioned_tables r where r.schema_name = p_schema and r.table_name = p_table) then
    raise exception '%.% is not a registered partitioned table', p_schema, p_table using errcode = 'PF005', column = 'table';
  end if;
  if p_month is distinct from date_trunc('month', p_month, 'UTC')
    or p_month < date_trunc('month', now(), 'UTC') or p_month > now() + interval '2 years'
  then
    raise exception '% does not begin a month of the next two years', p_month using errcode = 'PF005', column = 'month';
  end if;
  return platform.create_partition(p_schema, p_table, p_month);
end
$$;
comment on function platform.create_partition_ahead(text, text, timestamptz) is 'Makes a partition before it is needed.';
revoke all on function platform.create_partition_ahead(text, text, timestamptz) from public;
grant execute on function platform.create_partition_ahead(text, text, timestamptz) to pgfleet_operator;
