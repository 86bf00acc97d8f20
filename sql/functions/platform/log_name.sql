-- platform.log_name(): the database system and its timeline, on which transaction ids grow. After a restore to an earlier
-- time, or into another server, it is another: a position in the log from before means nothing there.
create or replace function platform.log_name() returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  -- The timeline that is written to, not the one of the last checkpoint.
  select to_hex(s.system_identifier) || '-' || ltrim(left(pg_walfile_name(pg_current_wal_lsn()), 8), '0') from pg_control_system() s
$$;
comment on function platform.log_name() is 'The database system and timeline that positions in a log belong to.';
revoke all on function platform.log_name() from public;
grant execute on function platform.log_name() to pgfleet_app;
