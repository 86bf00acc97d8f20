-- platform.find_row_retention(): the tables of which rows may have to be removed one by one: those for which a tenant has a policy, and
-- those with a partition that is due and that a tenant keeps.
create or replace function platform.find_row_retention() returns table (schema_name text, table_name text)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select p.schema_name::text, p.table_name::text from platform.retention_policies p
  union
  select f.schema_name, f.table_name from platform.find_retired_partitions() f
  order by 1, 2;
end
$$;
comment on function platform.find_row_retention() is 'The tables of which rows may have to be removed one by one.';
revoke all on function platform.find_row_retention() from public;
grant execute on function platform.find_row_retention() to pgfleet_operator;
