# shellcheck shell=bash
# The services as plain processes. With the way `apt` the programs are those of this machine; with the way `chroot`
# they are those of a small Debian 13 in .services/root. `chroot /` makes the first a special case of the second.
# Sourced by scripts/services.sh.

native_setup() {
  if [ "$WAY" = apt ]; then
    ROOT=/
    HOME_INSIDE="/var/lib/pgfleet/$CHECKOUT_ID" # a checkout under /root would be out of reach for the user postgres
  else
    ROOT="$SERVICES/root"
    HOME_INSIDE=/srv/pgfleet
  fi
  HOME_OUTSIDE="${ROOT%/}$HOME_INSIDE"
  CONFIG_INSIDE="$HOME_INSIDE/config"
  CONFIG_OUTSIDE="$HOME_OUTSIDE/config"
  LISTEN=127.0.0.1
}

# --- programs -------------------------------------------------------------------------------------------------------

# The directory of PostgreSQL's programs inside the root, of the oldest supported version that has pgvector.
native_postgres_bin() {
  local version
  for version in 17 18; do
    if [ -x "${ROOT%/}/usr/lib/postgresql/$version/bin/postgres" ] &&
      [ -e "${ROOT%/}/usr/share/postgresql/$version/extension/vector.control" ]; then
      echo "/usr/lib/postgresql/$version/bin"
      return
    fi
  done
  return 1
}

native_installed() {
  [ -d "$ROOT" ] && native_postgres_bin >/dev/null &&
    [ -x "${ROOT%/}/usr/sbin/pgbouncer" ] && [ -x "${ROOT%/}/usr/bin/valkey-server" ]
}

native_prepare() {
  native_installed && return
  if [ "$WAY" = apt ]; then native_install_by_apt; else native_build_root; fi
  native_installed || fail "the installation is incomplete, see $RUN/install.log"
}

native_install_by_apt() {
  local version policy=/usr/sbin/policy-rc.d policy_is_ours=''
  say 'installing PostgreSQL, PgBouncer and Valkey by apt-get'
  logged install apt-get update
  for version in 17 18; do
    if apt-cache show "postgresql-$version-pgvector" >/dev/null 2>&1; then break; fi
  done
  # Debian starts what it installs; these are to be started by this script alone.
  if [ ! -e "$policy" ]; then
    policy_is_ours=1
    write_policy "$policy"
  fi
  local failed=''
  (native_apt_get "$version") || failed=1
  [ -z "$policy_is_ours" ] || rm -f "$policy"
  [ -z "$failed" ] || exit 1
}

# Exit code 101 of this file forbids Debian's packages to start their services.
write_policy() {
  printf '#!/bin/sh\nexit 101\n' >"$1"
  chmod 755 "$1"
}

# $1: version of PostgreSQL; the rest: a command to put in front, such as chroot DIR.
native_apt_get() {
  local version="$1"
  shift
  logged install "$@" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get install -y --no-install-recommends \
    "postgresql-$version" "postgresql-$version-pgvector" pgbouncer valkey-server
  "$@" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get install -y --no-install-recommends \
    "postgresql-$version-hypopg" >>"$RUN/install.log" 2>&1 ||
    say 'hypopg is not available here; it is optional'
}

# Built under a temporary name and moved into place when complete: an interrupted build is never taken for a root.
native_build_root() {
  local partial="$SERVICES/root.partial"
  case "$partial" in
    *[[:space:]]*) fail "debootstrap cannot build in a path with spaces: $partial" ;;
  esac
  if ! command -v debootstrap >/dev/null; then
    say 'installing debootstrap'
    logged install apt-get update
    logged install env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      debootstrap debian-archive-keyring
  fi
  say "building a Debian 13 with the services in $ROOT (once; about half a minute, 780 MB)"
  remove_root "$partial"
  remove_root "$ROOT"
  logged install debootstrap --variant=minbase trixie "$partial"
  write_policy "$partial/usr/sbin/policy-rc.d"
  logged install chroot "$partial" apt-get update
  native_apt_get 17 chroot "$partial"
  logged install chroot "$partial" apt-get clean
  mv "$partial" "$ROOT"
}

# An interrupted debootstrap may leave /proc or /sys mounted inside; deleting must not walk into them.
remove_root() {
  local mount_point
  [ -e "$1" ] || return 0
  awk -v prefix="$1/" 'index($2, prefix) == 1 { print $2 }' /proc/mounts | sort -r | while read -r mount_point; do
    umount "$mount_point"
  done
  rm -rf --one-file-system "$1"
}

# --- processes ------------------------------------------------------------------------------------------------------

# Runs a command inside the root as the user postgres, with a clean environment but for PGPASSWORD.
as_postgres() {
  env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 ${PGPASSWORD:+PGPASSWORD="$PGPASSWORD"} \
    chroot --userspec=postgres:postgres "$ROOT" "$@"
}

# The same for a server, which becomes a session of its own so that Ctrl-C in the terminal does not reach it, and
# must not hold the lock. PgBouncer's clients need more open files than the usual soft limit of 1,024.
spawn() {
  local name="$1"
  shift
  (
    ulimit -S -n "$(ulimit -H -n)" || true
    exec setsid env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
      chroot --userspec=postgres:postgres "$ROOT" "$@"
  ) </dev/null >>"$RUN/$name.log" 2>&1 9>&- &
  echo "$! $(start_time "$!")" >"$RUN/$name.pid"
  disown # so that bash does not report it when a crash test kills it
}

# When a process started, in clock ticks since boot: with it a process id is never mistaken for a later process.
# Empty for no process and for a zombie.
start_time() {
  local stat
  stat="$(cat "/proc/$1/stat" 2>/dev/null)" || return 0
  # shellcheck disable=SC2086 # split on purpose; the part up to the last ")" may hold spaces and is cut off
  set -- ${stat##*) }
  [ "$1" = Z ] || echo "${20}"
}

native_pid() {
  local pid started
  [ -r "$RUN/$1.pid" ] || return 1
  read -r pid started <"$RUN/$1.pid" || return 1
  [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ] && echo "$pid"
}

native_alive() { native_pid "$1" >/dev/null; }

native_start() {
  mkdir -p "$HOME_OUTSIDE/postgres" "$CONFIG_OUTSIDE"
  cp "$RUN/config/"* "$CONFIG_OUTSIDE/"
  chroot "$ROOT" chown -R postgres:postgres "$CONFIG_INSIDE"
  chroot "$ROOT" chown postgres:postgres "$HOME_INSIDE" "$HOME_INSIDE/postgres"
  chmod 700 "$HOME_OUTSIDE" "$CONFIG_OUTSIDE"
  # Nothing is mounted in the root, so its /dev/shm is a plain directory, where a server that was killed leaves files.
  if [ "$ROOT" != / ]; then
    mkdir -p "$ROOT/dev/shm"
    chmod 1777 "$ROOT/dev/shm"
    rm -f "$ROOT"/dev/shm/PostgreSQL.*
  fi
  if [ ! -e "$HOME_OUTSIDE/postgres/data/PG_VERSION" ]; then
    rm -rf "$HOME_OUTSIDE/postgres/data"
    as_postgres "$(native_postgres_bin)/initdb" --pgdata="$HOME_INSIDE/postgres/data" --username=postgres \
      --encoding=UTF8 --locale-provider=libc --locale=C.UTF-8 --data-checksums >>"$RUN/postgres.log" 2>&1 ||
      fail_with_log postgres 'initdb failed'
  fi
  native_start_postgres
  spawn pgbouncer /usr/sbin/pgbouncer "$CONFIG_INSIDE/pgbouncer.ini"
  spawn valkey /usr/bin/valkey-server "$CONFIG_INSIDE/valkey.conf"
}

# Nothing uses the data directory now, but the lock files of a server that was killed must go: while its process waits
# as a zombie for init to take notice, PostgreSQL would believe that it still runs.
native_start_postgres() {
  rm -f "$HOME_OUTSIDE/postgres/data/postmaster.pid" "$HOME_OUTSIDE/postgres/".s.PGSQL.*
  spawn postgres "$(native_postgres_bin)/postgres" -D "$HOME_INSIDE/postgres/data" -p "$PG_PORT" \
    -c config_file="$CONFIG_INSIDE/postgresql.conf" -c hba_file="$CONFIG_INSIDE/pg_hba.conf" \
    -c listen_addresses="$LISTEN" -c unix_socket_directories="$HOME_INSIDE/postgres"
}

native_restart_postgres() {
  native_stop_one postgres INT 60
  native_kill_orphans
  native_start_postgres
}

native_discard_data() { rm -rf "$HOME_OUTSIDE"; }

# The signals ask for: disconnect all clients at once, then end properly.
native_stop() {
  native_stop_one pgbouncer QUIT 5
  native_stop_one valkey TERM 5
  native_stop_one postgres INT 60
  native_kill_orphans
}

native_stop_one() { # name, signal, seconds until it is killed
  local pid tries=$(($3 * 20))
  if pid="$(native_pid "$1")"; then
    kill -s "$2" "$pid" 2>/dev/null || true
    while native_alive "$1" && [ "$tries" -gt 0 ]; do
      sleep 0.05
      tries=$((tries - 1))
    done
    if native_alive "$1"; then
      say "$1 did not stop when asked; killing it"
      kill -KILL "$pid" 2>/dev/null || true
    fi
  fi
  rm -f "$RUN/$1.pid"
}

# Backends outlive a postmaster that was killed until they next look up from their work, and no new postmaster starts
# before. They are known by their working directory, which is the data directory.
native_kill_orphans() {
  local process pids='x' data="$HOME_OUTSIDE/postgres/data"
  while [ -n "$pids" ]; do
    pids=''
    for process in /proc/[0-9]*; do
      if [ "$(readlink "$process/cwd" 2>/dev/null)" = "$data" ]; then pids="$pids ${process#/proc/}"; fi
    done
    # shellcheck disable=SC2086 # a list of numbers
    [ -z "$pids" ] || { kill -KILL $pids 2>/dev/null || true; sleep 0.05; }
  done
}

# --- clients --------------------------------------------------------------------------------------------------------

# psql and pg_isready as the superuser by the unix socket, unless the arguments name another host.
native_client() {
  local program="$1"
  shift
  as_postgres "$(native_postgres_bin)/$program" --host="$HOME_INSIDE/postgres" --port="$PG_PORT" "$@"
}

native_write_pgbench() { native_write_program "$1" pgbench; }

# Programs run outside the root, so that they see this machine's files; the root's own loader gives them their libraries.
native_write_program() { # file to write, name of the program
  native_write_launcher "$1" "$(native_postgres_bin)/$2"
}

native_write_launcher() { # file to write, program inside the root
  local loader='' candidate program="${ROOT%/}$2"
  if [ "$ROOT" = / ]; then
    printf '#!/bin/sh\nexec %q "$@"\n' "$program" >"$1"
    return
  fi
  for candidate in "$ROOT"/lib64/ld-linux-*.so.* "$ROOT"/lib/ld-linux-*.so.*; do
    if [ -x "$candidate" ]; then loader="$candidate"; fi
  done
  [ -n "$loader" ] || fail "no dynamic loader in $ROOT"
  printf '#!/bin/bash\nexec %q --library-path %q %q "$@"\n' \
    "$loader" "$(echo "$ROOT"/usr/lib/*-linux-gnu*)" "$program" >"$1"
}

# Taken out of Debian's package, which is `prometheus` before Debian 13: nobody needs its server. Fails where it cannot be had.
native_write_promtool() { # file to write
  local inside=/srv/promtool
  [ "$ROOT" != / ] || inside="$SERVICES/promtool"
  if [ ! -x "${ROOT%/}$inside/usr/bin/promtool" ]; then
    say 'fetching promtool'
    # shellcheck disable=SC2016 # expanded inside the root
    chroot "$ROOT" sh -ec '
      rm -rf "$1" "$1.partial"
      mkdir -p "$1.partial"
      cd "$1.partial"
      apt-cache show promtool prometheus >/dev/null 2>&1 || apt-get update
      apt-get download promtool || apt-get download prometheus
      dpkg-deb --fsys-tarfile prom*.deb | tar -x ./usr/bin/promtool
      rm prom*.deb
      mv "$1.partial" "$1"' sh "$inside" </dev/null >>"$RUN/install.log" 2>&1 || return 1
  fi
  native_write_launcher "$1" "$inside/usr/bin/promtool"
}
