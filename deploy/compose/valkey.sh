#!/bin/sh
# A cache: nothing on disk, memory bounded, a password.
set -eu
exec valkey-server - <<END
port ${PGFLEET_CACHE_PORT:-6379}
requirepass ${VALKEY_PASSWORD:?}
save ""
appendonly no
maxmemory 512mb
maxmemory-policy allkeys-lru
END
