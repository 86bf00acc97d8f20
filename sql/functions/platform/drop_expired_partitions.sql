-- platform.drop_expired_partitions(): drops every partition whose newest possible row is older than its table's
-- retention, for all tenants at once; returns what it dropped. Not those of tables that are archived, nor those that are being archived
-- or were restored from an archive for a time that is not over. For pgfleet_owner, never for the app. A drop takes an
-- access exclusive lock for a moment: callers set lock_timeout.
create or replace function platform.drop_expired_partitions()
returns table (partition_name text, size_bytes bigint)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_partition record;
begin
  for v_partition in
    select c.oid::regclass as name, pg_total_relation_size(c.oid) as size
    from platform.partitioned_tables r
    join pg_class p on p.oid = to_regclass(format('%I.%I', r.schema_name, r.table_name))
    join pg_inherits i on i.inhparent = p.oid
    join pg_class c on c.oid = i.inhrelid
    where to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month' < (now() at time zone 'UTC') - r.retention
      and not exists (select from platform.archived_tables d where d.schema_name = r.schema_name and d.table_name = r.table_name)
      and not exists (
        select from platform.archives a
        where a.schema_name = r.schema_name and a.partition_name = c.relname
          and (a.state in ('detaching', 'detached', 'uploading', 'stored', 'verified') or a.state = 'restored' and a.kept_until > now())
      )
    order by c.relname
  loop
    partition_name := v_partition.name::text;
    size_bytes := v_partition.size;
    execute format('drop table %s', v_partition.name);
    return next;
  end loop;
end
$$;
comment on function platform.drop_expired_partitions() is 'Drops the partitions that lie wholly beyond their retention; for the owner.';
revoke all on function platform.drop_expired_partitions() from public;
