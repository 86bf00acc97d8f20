-- What pgfleet needs of a Supabase project, once, before `pgfleet migrate`. Run it in the SQL editor, or with psql, as the role
-- `postgres`: that role is no superuser, but may create roles and these extensions, and owns the database. Safe to repeat.
create schema if not exists extensions;
grant usage on schema extensions to public;
create extension if not exists vector with schema extensions;
create extension if not exists pg_trgm with schema extensions;
create extension if not exists btree_gin with schema extensions;
create extension if not exists btree_gist with schema extensions;

-- The login of your programs: may use the stores, and neither migrate nor create tenants. It cannot log in before you give
-- it a password yourself:  alter role agents login password '...';
do $$
begin
  if to_regrole('agents') is null then
    create role agents nologin;
  end if;
end
$$;
-- Set here and not at the start of a connection: poolers refuse start-up parameters.
alter role agents set statement_timeout = '30s';
alter role agents set idle_in_transaction_session_timeout = '60s';
