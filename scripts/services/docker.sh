# shellcheck shell=bash
# The services as containers of compose.yaml. Valkey's container owns the network that all three share, so that inside
# as outside 127.0.0.1 and the same ports reach them, and so that PostgreSQL may crash without taking it along.
# Sourced by scripts/services.sh.

docker_setup() {
  CONFIG_INSIDE=/etc/pgfleet
  LISTEN=0.0.0.0 # inside the containers; published on this machine's loopback only
}

compose() {
  PGFLEET_CONFIG="$RUN/config" PGFLEET_PG_PORT="$PG_PORT" PGFLEET_POOL_PORT="$POOL_PORT" \
    PGFLEET_CACHE_PORT="$CACHE_PORT" PGFLEET_PG_PASSWORD="$PG_PASSWORD" \
    docker compose --project-name "pgfleet-$CHECKOUT_ID" --file "$CHECKOUT/compose.yaml" "$@" 9>&-
}

docker_prepare() { say 'images that are missing will be pulled'; }

# The containers run as users of their own, which must be able to read what is mounted; the folder around it is closed.
docker_start() {
  chmod 755 "$RUN/config"
  chmod 644 "$RUN/config/"*
  logged compose compose up --detach
}

docker_restart_postgres() { logged compose compose restart --timeout 60 postgres; }

docker_discard_data() { logged compose compose down --volumes --remove-orphans; }

docker_stop() {
  compose logs --no-color postgres >"$RUN/postgres.log" 2>&1 || true
  compose logs --no-color pgbouncer >"$RUN/pgbouncer.log" 2>&1 || true
  compose logs --no-color valkey >"$RUN/valkey.log" 2>&1 || true
  logged compose compose down --timeout 60 --remove-orphans
}

docker_pid() {
  local container pid
  container="$(compose ps --quiet "$1" 2>/dev/null)" && [ -n "$container" ] || return 1
  pid="$(docker inspect --format '{{.State.Pid}}' "$container" 2>/dev/null)" || return 1
  [ "$pid" != 0 ] && echo "$pid"
}

docker_alive() { docker_pid "$1" >/dev/null; }

# psql and pg_isready as the superuser by the unix socket, unless the arguments name another host.
docker_client() {
  compose exec -T --user postgres -e PGPASSWORD="${PGPASSWORD:-}" postgres "$@"
}

# Copies each script file into the container first, since pgbench runs there.
docker_write_pgbench() {
  {
    printf '#!/bin/bash\nset -euo pipefail\n'
    printf 'container="$(docker ps --quiet --filter label=com.docker.compose.project=%q' "pgfleet-$CHECKOUT_ID"
    printf ' --filter label=com.docker.compose.service=postgres)"\n'
    cat "$SOURCE/services/pgbench-in-container.sh"
  } >"$1"
}

# Runs in a container of its own on the network of the services, as the caller and with this machine's temporary files, into which
# tests dump.
docker_write_program() { # file to write, name of the program
  {
    printf '#!/bin/bash\nset -euo pipefail\n'
    printf 'network="$(docker ps --quiet --filter label=com.docker.compose.project=%q' "pgfleet-$CHECKOUT_ID"
    printf ' --filter label=com.docker.compose.service=valkey)"\n'
    printf 'folder="${TMPDIR:-/tmp}"\n'
    printf 'exec docker run --rm --network "container:$network" --user "$(id -u):$(id -g)" -e PGPASSWORD -e PGAPPNAME -v "$folder:$folder" --entrypoint %q %q "$@"\n' \
      "$2" "$(sed -n 's/^ *image: \(pgvector.*\)/\1/p' "$CHECKOUT/compose.yaml")"
  } >"$1"
}

# As above, without a network: promtool reads files alone. Fails where its image cannot be had.
docker_write_promtool() { # file to write
  local image=prom/prometheus:v2.53.4
  docker image inspect "$image" >/dev/null 2>&1 || docker pull --quiet "$image" >>"$RUN/compose.log" 2>&1 || return 1
  {
    printf '#!/bin/bash\nset -euo pipefail\nfolder="${TMPDIR:-/tmp}"\n'
    printf 'exec docker run --rm --network none --user "$(id -u):$(id -g)" -v "$folder:$folder" --entrypoint promtool %q "$@"\n' "$image"
  } >"$1"
}
