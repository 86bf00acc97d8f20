-- platform.begin_archive(archive, schema, table, partition, place): begins to archive a partition that is due, of a table that is archived, when
-- every tenant agrees: none that has rows in it keeps them for longer or is under a legal hold. archive: a UUIDv7 made
-- by the client. place: where it goes, a url without credentials. For pgfleet_owner.
-- returns the tenant that keeps it, and nothing was begun; null: it has begun. Errors: PF005 no such partition, or one that is not due.
create or replace function platform.begin_archive(p_archive uuid, p_schema text, p_table text, p_partition text, p_place text) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_kept_by text;
  v_attempt integer;
begin
  if not exists (
    select from platform.find_due_partitions() f
    where f.schema_name = p_schema and f.table_name = p_table and f.partition_name = p_partition and f.is_archived
  ) then
    raise exception '%.% is no partition that is due', p_schema, p_partition using errcode = 'PF005', column = 'partition';
  end if;
  v_kept_by := platform.find_partition_keeper(p_schema, p_table, p_partition);
  if v_kept_by is not null then
    return v_kept_by;
  end if;
  select coalesce(max(a.attempt), 0) + 1 into v_attempt
  from platform.archives a
  where a.schema_name = p_schema and a.partition_name = p_partition;
  insert into platform.archives (archive_id, schema_name, table_name, partition_name, month, first_attempt, attempt, name, place)
  values (p_archive, p_schema, p_table, p_partition, to_date(right(p_partition, 6), 'YYYYMM'), v_attempt, v_attempt,
    format('%s.%s.%s', p_schema, p_partition, v_attempt), p_place);
  return null;
end
$$;
comment on function platform.begin_archive(uuid, text, text, text, text) is 'Begins to archive a partition; for the owner.';
revoke all on function platform.begin_archive(uuid, text, text, text, text) from public;
