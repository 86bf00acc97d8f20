-- platform.drop_retired_partition(schema, table, partition, dry run): drops a partition when every tenant agrees: it is older than what
-- is registered, no tenant that has rows in it keeps them for longer, and none that has is under a legal hold. For
-- maintenance; narrow: it asks only whether a tenant has a row. A drop takes an access exclusive lock: callers set
-- lock_timeout. A dry run judges, and takes no lock.
-- returns the size that was freed, or the tenant that keeps it. Errors: PF005 no such partition, or one that is not due.
create or replace function platform.drop_retired_partition(p_schema text, p_table text, p_partition text, p_dry_run boolean) returns table (size_bytes bigint, kept_by text)
language plpgsql volatile security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_partition regclass := to_regclass(format('%I.%I', p_schema, p_partition));
begin
  if not exists (
    select from platform.find_retired_partitions() f
    where f.schema_name = p_schema and f.table_name = p_table and f.partition_name = p_partition
  ) then
    raise exception '%.% is no partition that is due', p_schema, p_partition using errcode = 'PF005', column = 'partition';
  end if;
  if not p_dry_run then
    -- Nobody adds a row to it, or a hold, between the look and the drop.
    lock table platform.legal_holds in share mode;
    execute format('lock table %s in access exclusive mode', v_partition);
  end if;
  size_bytes := pg_total_relation_size(v_partition);
  kept_by := platform.find_partition_keeper(p_schema, p_table, p_partition);
  if kept_by is null and not p_dry_run then
    execute format('drop table %s', v_partition);
  end if;
  return next;
end
$$;
comment on function platform.drop_retired_partition(text, text, text, boolean) is 'Drops a partition that no tenant wants kept.';
revoke all on function platform.drop_retired_partition(text, text, text, boolean) from public;
grant execute on function platform.drop_retired_partition(text, text, text, boolean) to pgfleet_operator;
