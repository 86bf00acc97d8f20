-- platform.compatible_from(): the oldest pgfleet whose processes this schema serves, by its version and its newest migration: the
-- release before this one. A process of it that is running goes on, and one that starts opens the database and leaves the schema
-- alone. Changed with each release, together with test/upgrade/previous-version.json.
create or replace function platform.compatible_from() returns table (package_version text, migration integer)
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select '0.1.0', 22
$$;
comment on function platform.compatible_from() is 'The oldest pgfleet whose processes this schema serves: its version, and its newest migration.';
revoke all on function platform.compatible_from() from public;
grant execute on function platform.compatible_from() to pgfleet_app, pgfleet_monitor;
