--! data-loss: yes
-- What was archived stays where it is, and can no longer be found by pgfleet.
do $$
begin
  if exists (select from platform.archives a where a.state in ('detaching', 'detached', 'uploading', 'stored', 'verified')) then
    raise exception 'a partition is being archived: let that end first';
  end if;
end
$$;
drop table platform.archives;
drop table platform.archived_tables;
