--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- The memory store. Its parts follow, a migration each.

create schema memory;
comment on schema memory is 'What agents remember: vectors, a bi-temporal knowledge graph, sessions, artifacts, events, keys.';
grant usage on schema memory to pgfleet_app, pgfleet_monitor, pgfleet_search;
