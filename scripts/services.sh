#!/usr/bin/env bash
# Real services for tests and benchmarks: PostgreSQL with pgvector, PgBouncer and Valkey on free loopback ports.
# Three ways to get them, picked automatically: containers (docker.sh), Debian packages of this machine, or a small
# Debian in a folder (both native.sh). Every way offers the same functions, named WAY_prepare, WAY_start and so on.
# Progress goes to stderr, variables to stdout. See docs/services.md.
set -euo pipefail

SELF="${BASH_SOURCE[0]}"
SOURCE="$(cd "$(dirname "$SELF")" && pwd -P)"
CHECKOUT="$(dirname "$SOURCE")"
CHECKOUT_ID="$(printf %s "$CHECKOUT" | cksum | cut -d ' ' -f 1)"
SERVICES="$CHECKOUT/.services"
RUN="$SERVICES/run"
NAMES='postgres pgbouncer valkey'

# shellcheck source-path=SCRIPTDIR source=services/native.sh
. "$SOURCE/services/native.sh"
# shellcheck source-path=SCRIPTDIR source=services/docker.sh
. "$SOURCE/services/docker.sh"

usage() {
  cat <<'END'
Usage: npm run --silent services -- COMMAND        (or: bash scripts/services.sh COMMAND)

  up [--json] [--keep]     start the services, or find them running, and print where they are
  down                     stop them
  status                   print what runs; exit code 3 unless all of it does
  exec [--keep] -- CMD...  up, run CMD with the variables exported, then down; the exit code is that of CMD.
                           Services that already ran are used and left running.
  restart-postgres [--json]
                           start PostgreSQL again after a crash, on the same port and data; prints the variables anew

  --keep   continue with the data of the last run instead of an empty server

Variables: DATABASE_URL, DATABASE_URL_POOLED, CACHE_URL, PGBENCH (a program), PGFLEET_BIN (a folder with
pg_dump and pg_restore), PROMTOOL (a program, where it can be had), SERVICES_PID_POSTGRES (the postmaster),
PGFLEET_SERVICES (this script). PGFLEET_SERVICES_WAY=docker|apt|chroot overrides the choice of the way.
END
}

say() { printf 'services: %s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

fail_with_log() { # name of the log, what happened
  say "$2; the end of $RUN/$1.log:"
  tail -n 30 "$RUN/$1.log" >&2 || true
  exit 1
}

logged() { # name of the log, command
  local log="$1"
  shift
  "$@" </dev/null >>"$RUN/$log.log" 2>&1 || fail_with_log "$log" "failed: $*"
}

# One `up`, `down` or `restart-postgres` of a checkout at a time. Where flock is missing (macOS) there is no guard.
lock() {
  mkdir -p "$SERVICES"
  if [ ! -w "$SERVICES" ] || { [ -e "$SERVICES/lock" ] && [ ! -w "$SERVICES/lock" ]; }; then
    fail "$SERVICES belongs to another user; repeat as that user (sudo bash scripts/services.sh ...)"
  fi
  exec 9>>"$SERVICES/lock"
  if command -v flock >/dev/null && ! flock --nonblock 9; then
    say 'waiting for another run of this script'
    flock 9
  fi
}

unlock() { exec 9>&-; }

# --- the way ----------------------------------------------------------------------------------------------------

choose_way() {
  WAY="${PGFLEET_SERVICES_WAY:-}"
  if [ -z "$WAY" ] && docker info >/dev/null 2>&1 && docker compose version >/dev/null 2>&1; then WAY=docker; fi
  if [ -z "$WAY" ] && debian_13_or_newer; then WAY=apt; fi
  if [ -z "$WAY" ]; then WAY=chroot; fi
  case "$WAY" in
    docker) return ;;
    apt | chroot) ;;
    *) fail "PGFLEET_SERVICES_WAY is '$WAY'; expected docker, apt or chroot" ;;
  esac
  command -v apt-get >/dev/null ||
    fail 'no Docker engine answers and this is no Debian or Ubuntu; start Docker (with its compose plug-in) and repeat'
  [ "$(id -u)" = 0 ] ||
    fail 'no Docker engine answers, and installing the services otherwise needs root; start Docker (or allow this user
  to reach it), or repeat as root: sudo bash scripts/services.sh up'
}

debian_13_or_newer() {
  # Debian's testing and unstable have no VERSION_ID.
  [ -r /etc/os-release ] && (
    ID='' VERSION_ID=''
    # shellcheck source=/dev/null
    . /etc/os-release
    [ "$ID" = debian ] && [ "${VERSION_ID:-99}" -ge 13 ]
  )
}

# Calls the function of the way: `way start` is native_start or docker_start.
way() {
  local action="$1"
  shift
  if [ "$WAY" = docker ]; then "docker_$action" "$@"; else "native_$action" "$@"; fi
}

# --- state: what was started, kept in .services/run/state for later calls ----------------------------------------

load_state() {
  [ -e "$RUN/state" ] || return 1
  [ -r "$RUN/state" ] || fail "the services of this checkout belong to another user, who can use $SELF"
  # shellcheck source=/dev/null
  . "$RUN/state"
  way setup
}

save_state() {
  local name
  for name in WAY PG_PORT POOL_PORT CACHE_PORT PG_PASSWORD; do printf '%s=%q\n' "$name" "${!name}"; done >"$RUN/state"
}

all_alive() {
  local name
  for name in $NAMES; do way alive "$name" || return 1; done
}

running() { [ -e "$RUN/ready" ] && load_state && all_alive; }

# --- up and down -------------------------------------------------------------------------------------------------

new_secret() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }

# Below the range from which systems hand out ports, so that nobody is given ours while PostgreSQL restarts.
free_port() { # ports already chosen
  local port
  while :; do
    port=$((20000 + RANDOM % 12000))
    case " $* " in *" $port "*) continue ;; esac
    listening "$port" || break
  done
  echo "$port"
}

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# In megabytes; of the control group's memory where that is less.
quarter_of_memory() {
  local total limit
  total=$(($(awk '/^MemTotal:/ { print $2 }' /proc/meminfo 2>/dev/null || echo 4194304) / 1024))
  limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null || echo max)
  [ "$limit" = max ] || [ $((limit / 1048576)) -ge "$total" ] || total=$((limit / 1048576))
  echo $((total / 4))
}

write_config() {
  local file
  rm -rf "$RUN/config"
  mkdir -p "$RUN/config"
  cp "$SOURCE/services/postgresql.conf" "$SOURCE/services/pg_hba.conf" "$RUN/config/"
  printf '\n# A quarter of the memory of this machine\nshared_buffers = %dMB\n' "$(quarter_of_memory)" >>"$RUN/config/postgresql.conf"
  write_pooler_config
  for file in pgbouncer.ini valkey.conf; do
    sed -e "s|@LISTEN@|$LISTEN|" -e "s|@PG_PORT@|$PG_PORT|" -e "s|@CACHE_PORT@|$CACHE_PORT|" \
      "$SOURCE/services/$file" >>"$RUN/config/$file"
  done
  printf '"postgres" "%s"\n' "$PG_PASSWORD" >>"$RUN/config/userlist.txt"
}

# By the product's own command, run from its source, so that the suite through PgBouncer proves what the command writes:
# pgbouncer.ini, userlist.txt and pooler.sql. What is otherwise here stands in services/pgbouncer.ini.
write_pooler_config() {
  local tsx="$CHECKOUT/node_modules/.bin/tsx" connections_max
  command -v node >/dev/null ||
    fail 'node is not on the PATH, and PgBouncer is configured by pgfleet itself; with sudo: sudo env "PATH=$PATH" bash scripts/services.sh ...'
  [ -x "$tsx" ] || fail 'the development dependencies are not installed; run: npm ci'
  connections_max="$(sed -n 's/^max_connections = //p' "$SOURCE/services/postgresql.conf")"
  logged pgbouncer "$tsx" "$CHECKOUT/src/cli/main.ts" pgbouncer --out "$RUN/config" \
    --host 127.0.0.1 --port "$PG_PORT" --database postgres --max-connections "$connections_max" --pool-size 20 \
    --listen-port "$POOL_PORT" --user-file "$CONFIG_INSIDE/userlist.txt"
}

start_services() { # "keep" or nothing
  local name
  mkdir -p "$RUN"
  chmod 700 "$RUN" # holds the passwords
  # Remains of services that died or were half started.
  stop_services
  choose_way
  way setup
  rm -f "$RUN/"*.log
  PG_PORT="$(free_port)"
  POOL_PORT="$(free_port "$PG_PORT")"
  CACHE_PORT="$(free_port "$PG_PORT" "$POOL_PORT")"
  PG_PASSWORD="$(new_secret)"
  save_state
  way prepare
  [ "${1:-}" = keep ] || way discard_data
  write_config
  say 'starting PostgreSQL, PgBouncer and Valkey'
  way start
  await postgres 120 postgres_accepts
  set_passwords
  await pgbouncer 30 pooler_accepts
  await valkey 30 cache_accepts
  rm -f "$SERVICES/pgbench"
  way write_pgbench "$SERVICES/pgbench"
  rm -rf "${SERVICES:?}/bin"
  mkdir "$SERVICES/bin"
  for name in pg_dump pg_restore; do way write_program "$SERVICES/bin/$name" "$name"; done
  way write_promtool "$SERVICES/bin/promtool" || say 'promtool is not available here; it is optional'
  chmod 755 "$SERVICES/pgbench" "$SERVICES/bin/"*
  touch "$RUN/ready"
}

stop_services() {
  rm -f "$RUN/ready"
  load_state || return 0
  way stop
  rm -f "$RUN/state"
  say 'stopped'
}

# Waits until the check holds; gives up when the service has died or the seconds are over.
await() { # name, seconds, check
  local end=$((SECONDS + $2))
  until "$3"; do
    if ! way alive "$1"; then fail_with_log "$1" "$1 did not start"; fi
    if [ "$SECONDS" -ge "$end" ]; then fail_with_log "$1" "$1 did not answer within $2 s"; fi
    sleep 0.1
  done
}

postgres_accepts() { way client pg_isready --quiet --host=127.0.0.1 --port="$PG_PORT" </dev/null >/dev/null 2>&1; }

pooler_accepts() {
  PGPASSWORD="$PG_PASSWORD" way client psql --no-psqlrc --quiet --host=127.0.0.1 --port="$POOL_PORT" \
    --username=postgres --dbname=postgres --command='select 1' </dev/null >/dev/null 2>&1
}

cache_accepts() {
  local answer=''
  (
    exec 3<>"/dev/tcp/127.0.0.1/$CACHE_PORT" || exit 1
    printf 'PING\r\n' >&3
    IFS= read -r -t 2 answer <&3
    [ "$answer" = $'+PONG\r' ]
  ) 2>/dev/null
}

# The passwords go through standard input: arguments would show in the list of processes.
set_passwords() {
  {
    printf "alter role postgres password '%s';\n" "$PG_PASSWORD"
    cat "$RUN/config/pooler.sql"
  } | way client psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username=postgres --dbname=postgres \
    >>"$RUN/postgres.log" 2>&1 || fail_with_log postgres 'setting the passwords failed'
}

# --- variables ---------------------------------------------------------------------------------------------------

variables() { # a command, called with each name and value
  "$1" DATABASE_URL "postgresql://postgres:$PG_PASSWORD@127.0.0.1:$PG_PORT/postgres"
  "$1" DATABASE_URL_POOLED "postgresql://postgres:$PG_PASSWORD@127.0.0.1:$POOL_PORT/postgres"
  "$1" CACHE_URL "redis://127.0.0.1:$CACHE_PORT"
  "$1" PGBENCH "$SERVICES/pgbench"
  "$1" PGFLEET_BIN "$SERVICES/bin"
  "$1" SERVICES_PID_POSTGRES "$(way pid postgres)"
  [ ! -x "$SERVICES/bin/promtool" ] || "$1" PROMTOOL "$SERVICES/bin/promtool"
  "$1" PGFLEET_SERVICES "$SOURCE/services.sh"
}

as_shell() { printf '%s=%q\n' "$1" "$2"; }
as_export() { export "$1=$2"; }
as_json() {
  local value="${2//\\/\\\\}"
  printf '%s\n  "%s": "%s"' "$SEPARATOR" "$1" "${value//\"/\\\"}"
  SEPARATOR=,
}

print_variables() {
  if [ -n "$JSON" ]; then
    SEPARATOR='{'
    variables as_json
    printf '\n}\n'
  else
    variables as_shell
  fi
}

# --- commands ----------------------------------------------------------------------------------------------------

# Taken down again whatever happens, unless they ran before: the trap is set while they are ours to stop.
ensure_started() {
  lock
  if running; then
    say 'already running'
  else
    OURS=1
    trap 'stop_if_ours' EXIT
    trap 'on_signal INT 130' INT
    trap 'on_signal TERM 143' TERM
    trap 'on_signal HUP 129' HUP
    start_services "$KEEP"
  fi
}

stop_if_ours() {
  [ -n "$OURS" ] || return 0
  OURS=''
  trap '' INT TERM HUP
  lock
  stop_services
}

on_signal() { # signal, exit code
  trap '' INT TERM HUP
  [ -z "$CHILD" ] || end_child "$1"
  exit "$2"
}

# Ends the command of `exec` and all it started. Ctrl-C reaches those without us, so they first get time to obey.
end_child() { # signal
  local pids
  pids="$(process_tree "$CHILD")"
  if [ "$1" = INT ] && all_gone 30 "$pids"; then return; fi
  # shellcheck disable=SC2086 # a list of numbers
  kill -TERM $pids 2>/dev/null || true
  all_gone 100 "$pids" && return
  # shellcheck disable=SC2086
  kill -KILL $pids 2>/dev/null || true
}

process_tree() {
  local child
  echo "$1"
  for child in $(ps -A -o pid= -o ppid= | awk -v parent="$1" '$2 == parent { print $1 }'); do process_tree "$child"; done
}

all_gone() { # tenths of a second, process ids
  local tries="$1" pid alive
  while [ "$tries" -gt 0 ]; do
    alive=''
    for pid in $2; do
      # A zombie child of ours counts as gone.
      case "$(ps -o stat= -p "$pid" 2>/dev/null)" in '' | Z*) ;; *) alive=1 ;; esac
    done
    [ -n "$alive" ] || return 0
    sleep 0.1
    tries=$((tries - 1))
  done
  return 1
}

command_up() {
  ensure_started
  OURS='' # complete: they stay
  print_variables
}

command_down() {
  lock
  trap '' INT TERM HUP
  [ -e "$RUN/state" ] || say 'nothing is running'
  stop_services
}

command_status() {
  local name pid
  if ! load_state; then
    echo 'not running'
    exit 3
  fi
  echo "way: $WAY"
  for name in $NAMES; do
    if pid="$(way pid "$name")"; then echo "$name: running, process $pid"; else echo "$name: not running"; fi
  done
  echo "logs: $RUN"
  running || exit 3
}

command_restart_postgres() {
  lock
  if ! load_state || [ ! -e "$RUN/ready" ]; then
    fail 'there is no server to restart; run: bash scripts/services.sh up'
  fi
  way restart_postgres
  await postgres 300 postgres_accepts
  await pgbouncer 30 pooler_accepts
  print_variables
}

command_exec() {
  [ "$#" -gt 0 ] || fail 'exec needs a command: bash scripts/services.sh exec -- CMD...'
  ensure_started
  unlock
  variables as_export
  # In the background, because bash handles a signal only after a command in the foreground has ended. Such commands
  # would ignore Ctrl-C and read nothing: hence `env` and `<&0`.
  local fresh_signals=''
  if env --default-signal=INT true 2>/dev/null; then fresh_signals='env --default-signal=INT,QUIT'; fi
  local code=0
  # shellcheck disable=SC2086 # split on purpose
  $fresh_signals "$@" <&0 &
  CHILD=$!
  # Where the services are not ours, the signals need handling all the same.
  trap 'on_signal INT 130' INT
  trap 'on_signal TERM 143' TERM
  trap 'on_signal HUP 129' HUP
  wait "$CHILD" || code=$?
  CHILD=''
  exit "$code"
}

main() {
  local command="${1:-}"
  [ "$#" -eq 0 ] || shift
  JSON='' KEEP='' OURS='' CHILD=''
  while [ "$#" -gt 0 ]; do
    case "$1" in
      --json) JSON=1 ;;
      --keep) KEEP=keep ;;
      --help | -h) command=--help ;;
      --) shift; break ;;
      -*) fail "unknown option $1; see --help" ;;
      *) break ;;
    esac
    shift
  done
  if [ "$#" -gt 0 ] && [ "$command" != exec ]; then fail "unexpected argument $1; see --help"; fi
  case "$command" in
    up) command_up ;;
    down) command_down ;;
    status) command_status ;;
    exec) command_exec "$@" ;;
    restart-postgres) command_restart_postgres ;;
    --help | -h | help) usage ;;
    '') usage >&2; exit 2 ;;
    *) fail "unknown command $command; see --help" ;;
  esac
}

main "$@"
