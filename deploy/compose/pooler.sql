-- PgBouncer looks up here who may log in. Run as superuser in the database postgres on the first start; safe to repeat.
-- Expects the psql variables postgres_password and pooler_password.

alter role postgres password :'postgres_password';

select 'create role pgfleet_pooler' where to_regrole('pgfleet_pooler') is null \gexec
alter role pgfleet_pooler login password :'pooler_password';

create schema if not exists pooler;
revoke all on schema pooler from public;
grant usage on schema pooler to pgfleet_pooler;

-- As `pgfleet pgbouncer` writes it: the one thing PgBouncer's own role may do beyond connecting. Superusers are not found.
create or replace function pooler.find_role(wanted text, out role_name text, out verifier text)
returns setof record
language sql stable security definer
set search_path = pg_catalog, pg_temp
begin atomic
  select a.rolname::text, a.rolpassword
  from pg_catalog.pg_authid as a
  where a.rolname = wanted::name
    and a.rolcanlogin
    and not a.rolsuper
    and (a.rolvaliduntil is null or a.rolvaliduntil > now());
end;
revoke all on function pooler.find_role(text) from public;
grant execute on function pooler.find_role(text) to pgfleet_pooler;
