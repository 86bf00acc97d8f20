-- platform.finish_restore(archive, keep): attaches the table into which an archive was loaded in this transaction. First removes the rows of
-- tenants that were erased since they were read for the archive, or that are not there any more; no erasure begins until the
-- transaction ends. A check of its bounds comes first, so that attaching reads nothing under its lock, share update exclusive
-- on the partitioned table. Retention leaves the partition alone for as long as `keep` says. For pgfleet_owner.
-- returns how many rows were removed. Errors: PF121 the archive is not at its end.
create or replace function platform.finish_restore(p_archive uuid, p_keep interval) returns bigint
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_archive platform.archives;
  v_partition regclass;
  v_id_column text;
  v_from timestamptz;
  v_removed bigint;
begin
  select a.* into v_archive from platform.archives a where a.archive_id = p_archive for update;
  if v_archive.state is null or v_archive.state not in ('archived', 'restored', 'replaced') then
    raise exception 'archive % is %', v_archive.name, v_archive.state using errcode = 'PF121';
  end if;
  v_partition := to_regclass(format('%I.%I', v_archive.schema_name, v_archive.partition_name));
  v_from := v_archive.month::timestamp at time zone 'UTC';
  select r.id_column into v_id_column
  from platform.partitioned_tables r
  where r.schema_name = v_archive.schema_name and r.table_name = v_archive.table_name;
  -- An erasure that begins after this finds the rows by itself.
  lock table platform.erasures in share mode;
  execute format('
    delete from %s x
    where not exists (select from platform.tenants t where t.tenant_id = x.tenant_id)
      or x.tenant_id in (select e.tenant_id from platform.erasures e where e.finished_at is null or e.finished_at >= $1)', v_partition)
  using v_archive.copied_at;
  get diagnostics v_removed = row_count;
  execute format('alter table %s force row level security', v_partition);
  execute format('alter table %s add constraint %I check (%I >= %L and %I < %L)', v_partition, v_archive.partition_name || '_bounds',
    v_id_column, platform.uuid_floor(v_from), v_id_column, platform.uuid_floor(date_trunc('month', v_from + interval '40 days', 'UTC')));
  perform platform.attach_partition(v_archive.schema_name, v_archive.table_name, v_from);
  perform platform.drop_bounds_check(v_archive.schema_name, v_archive.table_name, v_archive.partition_name);
  update platform.archives a set state = 'replaced'
  where a.schema_name = v_archive.schema_name and a.partition_name = v_archive.partition_name and a.state = 'restored';
  update platform.archives a set state = 'restored', restored_at = clock_timestamp(), kept_until = clock_timestamp() + p_keep
  where a.archive_id = p_archive;
  return v_removed;
end
$$;
comment on function platform.finish_restore(uuid, interval) is 'Attaches what was restored from an archive; for the owner.';
revoke all on function platform.finish_restore(uuid, interval) from public;
