#!/bin/sh
# Runs once, on an empty data directory, before the server listens on the network: the logins, what pgfleet needs of a
# superuser, and PgBouncer's lookup of passwords. Passwords go through standard input and never show among arguments.
set -eu

# Before anything is made: without all of them nothing is.
: "${PGFLEET_MIGRATOR_PASSWORD:?}" "${PGFLEET_AGENTS_PASSWORD:?}" "${PGFLEET_MAINTAINER_PASSWORD:?}" "${PGFLEET_BACKUP_PASSWORD:?}" "${PGFLEET_MONITOR_PASSWORD:?}"
: "${PGFLEET_POOLER_PASSWORD:?}" "${POSTGRES_PASSWORD:?}"

run() { psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username="${POSTGRES_USER:-postgres}" --dbname="$1"; }
variable() { printf "\\\\set %s '%s'\n" "$1" "$(printf %s "$2" | sed "s/'/''/g; s/\\\\/\\\\\\\\/g")"; }

{
  variable migrator "$PGFLEET_MIGRATOR_PASSWORD"
  variable agents "$PGFLEET_AGENTS_PASSWORD"
  variable maintainer "$PGFLEET_MAINTAINER_PASSWORD"
  variable backup "$PGFLEET_BACKUP_PASSWORD"
  variable watch "$PGFLEET_MONITOR_PASSWORD"
  cat <<'SQL'
create role pgfleet_migrator login password :'migrator';
create role pgfleet_agents login password :'agents';
create role pgfleet_maintainer login password :'maintainer';
create role pgfleet_backup login bypassrls password :'backup';
create role pgfleet_watch login password :'watch';
set pgfleet.migrator = 'pgfleet_migrator';
\i /etc/pgfleet/bootstrap.sql
grant pgfleet_app to pgfleet_agents;
grant pgfleet_operator to pgfleet_maintainer;
grant pg_read_all_data to pgfleet_backup;
grant pg_monitor, pgfleet_monitor to pgfleet_watch;
create extension if not exists pg_stat_statements with schema extensions;
grant usage on schema extensions to pgfleet_watch;
alter role pgfleet_agents set statement_timeout = '30s';
alter role pgfleet_agents set idle_in_transaction_session_timeout = '60s';
revoke connect on database pgfleet from public;
grant connect on database pgfleet to pgfleet_migrator, pgfleet_agents, pgfleet_maintainer, pgfleet_backup, pgfleet_watch;
SQL
} | run pgfleet

# In the database where PgBouncer looks roles up.
{
  variable postgres_password "$POSTGRES_PASSWORD"
  variable pooler_password "$PGFLEET_POOLER_PASSWORD"
  cat /etc/pgfleet/pooler.sql
} | run postgres
