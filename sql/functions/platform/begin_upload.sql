-- platform.begin_upload(archive, place): says that an archive is being written, under a name that none before it had: after an upload that
-- did not come to its end, the next attempt's. For pgfleet_owner.
-- returns the name. Errors: PF121 the archive is not at this step.
create or replace function platform.begin_upload(p_archive uuid, p_place text) returns text
language plpgsql volatile
set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text;
begin
  update platform.archives a
  set state = 'uploading', place = p_place,
    attempt = a.attempt + (a.state = 'uploading')::integer,
    name = format('%s.%s.%s', a.schema_name, a.partition_name, a.attempt + (a.state = 'uploading')::integer)
  where a.archive_id = p_archive and a.state in ('detached', 'uploading')
  returning a.name into v_name;
  if v_name is null then
    raise exception 'archive % is not to be uploaded now', p_archive using errcode = 'PF121';
  end if;
  return v_name;
end
$$;
comment on function platform.begin_upload(uuid, text) is 'Says that an archive is being written; for the owner.';
revoke all on function platform.begin_upload(uuid, text) from public;
