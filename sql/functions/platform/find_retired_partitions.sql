-- platform.find_retired_partitions(): the monthly partitions that are older than what is registered for their table, or older than
-- every tenant wants its rows kept; the oldest first. What tenants keep for longer, and legal holds, are for
-- platform.drop_retired_partition to see.
create or replace function platform.find_retired_partitions() returns table (schema_name text, table_name text, partition_name text, size_bytes bigint)
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select r.schema_name, r.table_name, c.relname::text, pg_total_relation_size(c.oid)
  from platform.partitioned_tables r
  join pg_inherits i on i.inhparent = to_regclass(format('%I.%I', r.schema_name, r.table_name))
  join pg_class c on c.oid = i.inhrelid
  cross join lateral (
    -- Tenants without a policy keep what is registered.
    select max(p.keep) as longest, count(*) = (select count(*) from platform.tenants) and count(*) > 0 as is_of_all
    from platform.retention_policies p
    where p.schema_name = r.schema_name and p.table_name = r.table_name
  ) x
  where to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month'
    < (now() at time zone 'UTC') - case when x.is_of_all then least(x.longest, r.retention) else r.retention end
  order by right(c.relname, 6), r.schema_name, r.table_name;
end
$$;
comment on function platform.find_retired_partitions() is 'The partitions that may be due to be dropped.';
revoke all on function platform.find_retired_partitions() from public;
grant execute on function platform.find_retired_partitions() to pgfleet_operator;
