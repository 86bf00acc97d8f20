-- delivery.cleanup_old_audit_logs(retention): drops the months of the audit log whose every row is older than the retention, for
-- all tenants at once; returns what it dropped. Null: the registered retention (400 days unless changed). A retention that is
-- given becomes the registered one, so that rows which are gone are known to have retired. The seals stay.
-- For pgfleet_owner, never for the app. A drop takes an access exclusive lock for a moment: callers set lock_timeout.
create or replace function delivery.cleanup_old_audit_logs(p_retention interval default null)
returns table (partition_name text, size_bytes bigint)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_partition record;
begin
  if p_retention is not null then
    update platform.partitioned_tables r set retention = p_retention
    where r.schema_name = 'delivery' and r.table_name = 'audit_log' and r.retention <> p_retention;
  end if;
  for v_partition in
    select c.oid::regclass as name, pg_total_relation_size(c.oid) as size
    from platform.partitioned_tables r
    join pg_inherits i on i.inhparent = 'delivery.audit_log'::regclass
    join pg_class c on c.oid = i.inhrelid
    where r.schema_name = 'delivery' and r.table_name = 'audit_log'
      and to_date(right(c.relname, 6), 'YYYYMM') + interval '1 month' < (now() at time zone 'UTC') - r.retention
    order by c.relname
  loop
    partition_name := v_partition.name::text;
    size_bytes := v_partition.size;
    execute format('drop table %s', v_partition.name);
    return next;
  end loop;
end
$$;
comment on function delivery.cleanup_old_audit_logs(interval) is 'Drops the months of the audit log that lie beyond the retention; for the owner.';
revoke all on function delivery.cleanup_old_audit_logs(interval) from public;
