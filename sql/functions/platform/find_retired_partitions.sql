-- platform.find_retired_partitions(): the partitions that may be due to be dropped: those of platform.find_due_partitions whose table is
-- not archived; the oldest first. What tenants keep for longer, and legal holds, are for platform.drop_retired_partition to see.
create or replace function platform.find_retired_partitions() returns table (schema_name text, table_name text, partition_name text, size_bytes bigint)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select f.schema_name, f.table_name, f.partition_name, f.size_bytes
  from platform.find_due_partitions() f
  where not f.is_archived;
end
$$;
comment on function platform.find_retired_partitions() is 'The partitions that may be due to be dropped.';
revoke all on function platform.find_retired_partitions() from public;
grant execute on function platform.find_retired_partitions() to pgfleet_operator;
