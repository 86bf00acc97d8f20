-- platform.begin_restore(archive): makes room for an archive that is to be restored: drops the partition of its month when one is there that is
-- empty. A drop takes an access exclusive lock on the table for a moment: callers set lock_timeout. For pgfleet_owner.
-- Errors: PF121 the archive is not at its end, or a table is in its place that is not an empty partition.
create or replace function platform.begin_restore(p_archive uuid) returns void
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_archive platform.archives;
  v_partition regclass;
  v_found boolean;
begin
  select a.* into v_archive from platform.archives a where a.archive_id = p_archive for update;
  v_partition := to_regclass(format('%I.%I', v_archive.schema_name, v_archive.partition_name));
  if v_archive.state is null or v_archive.state not in ('archived', 'restored', 'replaced') then
    raise exception 'archive % is %: what it is made of is still there', v_archive.name, v_archive.state using errcode = 'PF121';
  end if;
  if v_partition is null then
    return;
  end if;
  if not exists (select from pg_inherits i where i.inhrelid = v_partition) then
    raise exception 'there is a table % that is no partition', v_partition using errcode = 'PF121';
  end if;
  execute format('lock table %s in access exclusive mode', v_partition);
  -- Rows of every tenant are looked for; what this changes is dropped below, or rolled back.
  execute format('alter table %s no force row level security', v_partition);
  execute format('select exists (select from %s)', v_partition) into v_found;
  if v_found then
    raise exception 'the partition % is there, and holds rows', v_partition using errcode = 'PF121';
  end if;
  execute format('drop table %s', v_partition);
end
$$;
comment on function platform.begin_restore(uuid) is 'Makes room for an archive that is to be restored; for the owner.';
revoke all on function platform.begin_restore(uuid) from public;
