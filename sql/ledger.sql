-- What has been applied to this database; made before the first migration, safe to run again.
create schema if not exists platform;

create table if not exists platform.migrations (
  version integer not null,
  name text not null,
  checksum text not null,
  package_version text not null,
  applied_at timestamptz not null default now(),
  constraint migrations_pkey primary key (version)
);
comment on table platform.migrations is 'One row a migration applied; checksum is the SHA-256 of its text.';

create table if not exists platform.routines (
  path text not null,
  checksum text not null,
  package_version text not null,
  applied_at timestamptz not null default now(),
  constraint routines_pkey primary key (path)
);
comment on table platform.routines is 'One row a file of a function or view, with the SHA-256 of the text that was applied last.';

grant usage on schema platform to pgfleet_app, pgfleet_monitor;
grant select on platform.migrations, platform.routines to pgfleet_app, pgfleet_monitor;
