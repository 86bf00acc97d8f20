import { gauge, group } from './family.js'

/** The server as a whole. */
export const SERVER_METRICS = {
  up: group('pg_', [], { up: gauge('1 when the server answered the last collection, 0 when it did not.') }),
  info: group('pgfleet_server_', ['version', 'major', 'system_identifier', 'database', 'role'], {
    info: gauge('Always 1; who answered. role is primary or replica.'),
  }),
  state: group('pgfleet_server_', [], {
    start_time_seconds: gauge('When the server started, in seconds since 1970.'),
    timeline: gauge('The timeline of the last checkpoint: it grows with each promotion.'),
  }),
  replica: group('pg_replication_', [], {
    is_replica: gauge('1 on a server that recovers or replays another, else 0.'),
    lag_seconds: gauge(
      'Age of the last transaction replayed while something received is not replayed yet; 0 on a primary, and 0 too on a replica whose connection is lost: see pgfleet_replica_receiver_up.',
    ),
    last_replay_seconds: gauge(
      'Age of the last transaction replayed on a replica; it grows while the primary writes nothing.',
    ),
  }),
  receiver: group('pgfleet_replica_', [], {
    receiver_up: gauge('1 while a replica streams from its primary, else 0. Absent on a primary.'),
    replay_bytes_behind: gauge('Bytes of WAL that a replica has received and not replayed.'),
  }),
  settings: group('pgfleet_settings_', [], {
    pending_restart: gauge('Settings that were changed and wait for a restart.'),
  }),
} as const
