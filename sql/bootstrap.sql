-- What only a privileged login may do; safe to run again, also by several at once. `pgfleet migrate` runs it itself
-- where its login may, and prints it (`pgfleet migrate plan`) for an administrator where it may not. In psql, as a
-- superuser, connected to the database that pgfleet is to live in:
--   psql -v ON_ERROR_STOP=1 -c "set pgfleet.migrator = 'the_login_that_migrates'" -f bootstrap.sql
-- Application logins are made members afterwards: grant pgfleet_app to some_login; the one of maintenance:
-- grant pgfleet_operator to another_login.
do $bootstrap$
declare
  v_migrator text := coalesce(nullif(current_setting('pgfleet.migrator', true), ''), session_user::text);
  v_role text;
  v_extension text;
begin
  -- pgfleet_owner owns every object and logs in nowhere; pgfleet_app is what platform.enter switches to;
  -- pgfleet_monitor reads statistics and never tenant rows; pgfleet_search owns the text search functions;
  -- pgfleet_operator is what maintenance works as.
  foreach v_role in array array['pgfleet_owner', 'pgfleet_app', 'pgfleet_monitor', 'pgfleet_search', 'pgfleet_operator'] loop
    begin
      if not exists (select from pg_catalog.pg_roles r where r.rolname = v_role) then
        execute pg_catalog.format('create role %I nologin nosuperuser nobypassrls noinherit', v_role);
      end if;
    exception
      -- Roles belong to the whole cluster: another database's first start made it in between.
      when duplicate_object or unique_violation then null;
    end;
  end loop;
  -- The migrator works as the owner, calls what the app calls, and hands the search functions over to pgfleet_search.
  -- Of the search and monitor roles it inherits nothing: their policies would let it read without a tenant. Nor of the
  -- operator: it maintains when it says so.
  foreach v_role in array array['pgfleet_owner', 'pgfleet_app', 'pgfleet_monitor', 'pgfleet_search', 'pgfleet_operator'] loop
    begin
      if not (select r.rolsuper from pg_catalog.pg_roles r where r.rolname = v_migrator)
        and not pg_catalog.pg_has_role(v_migrator, v_role, 'SET') then
        execute pg_catalog.format('grant %I to %I with inherit %s, set true', v_role, v_migrator,
          (v_role in ('pgfleet_owner', 'pgfleet_app'))::text);
      end if;
    exception
      when unique_violation then null;
    end;
  end loop;
  begin
    if not pg_catalog.pg_has_role('pgfleet_owner', 'pgfleet_search', 'MEMBER') then
      grant pgfleet_search to pgfleet_owner with inherit false, set true;
    end if;
  exception
    when unique_violation then null;
  end;
  -- Maintenance enters one tenant a transaction, as the app does.
  begin
    if not pg_catalog.pg_has_role('pgfleet_operator', 'pgfleet_app', 'MEMBER') then
      grant pgfleet_app to pgfleet_operator with inherit false, set true;
    end if;
  exception
    when unique_violation then null;
  end;
  if not pg_catalog.has_database_privilege('pgfleet_owner', pg_catalog.current_database(), 'CREATE') then
    execute pg_catalog.format('grant create on database %I to pgfleet_owner', pg_catalog.current_database());
  end if;
  -- An extension that is there already stays where it is: functions look in both schemas.
  foreach v_extension in array array['pg_trgm', 'btree_gin', 'btree_gist', 'vector'] loop
    if not exists (select from pg_catalog.pg_extension e where e.extname = v_extension) then
      execute 'create schema if not exists extensions';
      execute 'grant usage on schema extensions to public';
      execute pg_catalog.format('create extension %I with schema extensions', v_extension);
    end if;
  end loop;
end
$bootstrap$;
