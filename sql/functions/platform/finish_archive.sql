-- platform.finish_archive(archive): drops the partition of an archive that was verified; or, when a tenant that has rows in it now keeps
-- them, or is under a legal hold that was placed meanwhile, attaches it again. Takes an access exclusive lock on the
-- partition, which is detached, so that nobody waits for it; and keeps holds from being placed until the transaction ends.
-- An archive of the same month that had been restored is replaced by this one. For pgfleet_owner: callers set lock_timeout.
-- returns the size that was freed, or the tenant that keeps it. Errors: PF121 the archive is not verified, or the partition is not detached.
create or replace function platform.finish_archive(p_archive uuid) returns table (size_bytes bigint, kept_by text)
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
  v_archive platform.archives;
  v_partition regclass;
begin
  select a.* into v_archive from platform.archives a where a.archive_id = p_archive for update;
  v_partition := to_regclass(format('%I.%I', v_archive.schema_name, v_archive.partition_name));
  if v_archive.state is distinct from 'verified' or v_partition is null
    or exists (select from pg_inherits i where i.inhrelid = v_partition)
  then
    raise exception 'archive % is not verified, or its partition is not detached', p_archive using errcode = 'PF121';
  end if;
  lock table platform.legal_holds in share mode;
  execute format('lock table %s in access exclusive mode', v_partition);
  size_bytes := pg_total_relation_size(v_partition);
  kept_by := platform.find_partition_keeper(v_archive.schema_name, v_archive.table_name, v_archive.partition_name);
  if kept_by is null then
    execute format('drop table %s', v_partition);
    update platform.archives a set state = 'archived', archived_at = clock_timestamp() where a.archive_id = p_archive;
    update platform.archives a set state = 'replaced'
    where a.schema_name = v_archive.schema_name and a.partition_name = v_archive.partition_name and a.state = 'restored';
  else
    perform platform.attach_partition(v_archive.schema_name, v_archive.table_name, v_archive.month::timestamp at time zone 'UTC');
    perform platform.drop_bounds_check(v_archive.schema_name, v_archive.table_name, v_archive.partition_name);
    update platform.archives a set state = 'kept' where a.archive_id = p_archive;
  end if;
  return next;
end
$$;
comment on function platform.finish_archive(uuid) is 'Drops a partition that was archived, or attaches it again when it is kept; for the owner.';
revoke all on function platform.finish_archive(uuid) from public;
