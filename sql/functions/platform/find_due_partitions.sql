-- platform.find_due_partitions(): the monthly partitions that are older than what is registered for their table, or older than every
-- tenant wants its rows kept; the oldest first, and whether their table is one that is archived. What tenants keep for longer, and
-- legal holds, are for platform.find_partition_keeper to see. Left out: those that are being archived, and those that were restored
-- from an archive, until their time is over. For pgfleet_owner.
create or replace function platform.find_due_partitions() returns table (schema_name text, table_name text, partition_name text, size_bytes bigint, is_archived boolean)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select r.schema_name, r.table_name, c.relname::text, pg_total_relation_size(c.oid),
    exists (select from platform.archived_tables d where d.schema_name = r.schema_name and d.table_name = r.table_name)
  from platform.partitioned_tables r
  join pg_inherits i on i.inhparent = to_regclass(format('%I.%I', r.schema_name, r.table_name)) and not i.inhdetachpending
  join pg_class c on c.oid = i.inhrelid
  cross join lateral (
    -- Tenants without a policy keep what is registered.
    select max(p.keep) as longest, count(*) = (select count(*) from platform.tenants) and count(*) > 0 as is_of_all
    from platform.retention_policies p
    where p.schema_name = r.schema_name and p.table_name = r.table_name
  ) x
  where to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month'
    < (now() at time zone 'UTC') - case when x.is_of_all then least(x.longest, r.retention) else r.retention end
    and not exists (
      select from platform.archives a
      where a.schema_name = r.schema_name and a.partition_name = c.relname
        and (a.state in ('detaching', 'detached', 'uploading', 'stored', 'verified') or a.state = 'restored' and a.kept_until > now())
    )
  order by right(c.relname, 6), r.schema_name, r.table_name;
end
$$;
comment on function platform.find_due_partitions() is 'The partitions that may be due to be dropped or archived; for the owner.';
revoke all on function platform.find_due_partitions() from public;
