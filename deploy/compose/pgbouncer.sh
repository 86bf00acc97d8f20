#!/bin/sh
# PgBouncer's own password comes from the environment and lies in memory only.
set -eu
umask 077
users=/dev/shm/userlist.txt
printf '"pgfleet_pooler" "%s"\n' "${PGFLEET_POOLER_PASSWORD:?}" >"$users"
exec pgbouncer "${PGFLEET_POOLER_CONFIG:-/etc/pgfleet/pgbouncer.ini}"
