# shellcheck shell=bash
# The body of .services/pgbench where PostgreSQL runs in a container, whose id is in $container.
# -f FILE, -fFILE, --file FILE and --file=FILE, each with an optional @WEIGHT, are copied into the container.
# shellcheck disable=SC2154 # container: set by the line that scripts/services/docker.sh writes above

arguments=()
add_file() {
  local file="${1%@*}" weight='' inside
  if [[ $1 =~ @[0-9]+$ ]]; then weight="@${1##*@}"; else file="$1"; fi
  inside="/tmp/pgbench-$$-${#arguments[@]}.sql"
  docker exec -i "$container" sh -c 'cat >"$0"' "$inside" <"$file"
  arguments+=(-f "$inside$weight")
}
while [ "$#" -gt 0 ]; do
  case "$1" in
    -f | --file) add_file "$2"; shift ;;
    --file=*) add_file "${1#--file=}" ;;
    -f*) add_file "${1#-f}" ;;
    *) arguments+=("$1") ;;
  esac
  shift
done
exec docker exec -i -e PGPASSWORD "$container" pgbench "${arguments[@]}"
