--! breaking: no   lock: share row exclusive on platform.partitioned_tables for a moment   rewrite: none   time: instant
-- Archives: which tables have their retired partitions archived instead of dropped, and what was archived when and where.

create table platform.archived_tables (
  schema_name text not null,
  table_name text not null,
  chosen_at timestamptz not null default now(),
  constraint archived_tables_pkey primary key (schema_name, table_name),
  constraint archived_tables_table_fkey foreign key (schema_name, table_name)
    references platform.partitioned_tables (schema_name, table_name) on delete cascade
);
comment on table platform.archived_tables is 'The tables whose partitions are archived when nobody wants them kept; those of others are dropped.';

create table platform.archives (
  archive_id uuid not null,
  schema_name text not null,
  table_name text not null,
  partition_name text not null,
  month date not null,
  first_attempt integer not null,
  attempt integer not null,
  name text collate "C" not null,
  place text not null,
  state text collate "C" not null default 'detaching',
  started_at timestamptz not null default now(),
  copied_at timestamptz,
  row_count bigint,
  content_bytes bigint,
  content_sha256 text collate "C",
  bytes bigint,
  sha256 text collate "C",
  codec text collate "C",
  manifest jsonb,
  archived_at timestamptz,
  restored_at timestamptz,
  kept_until timestamptz,
  constraint archives_pkey primary key (archive_id),
  constraint archives_name_unique unique (name),
  constraint archives_state_known check (state in ('detaching', 'detached', 'uploading', 'stored', 'verified', 'archived', 'kept', 'restored', 'replaced')),
  constraint archives_attempt_positive check (first_attempt between 1 and attempt),
  constraint archives_stored check (
    state in ('detaching', 'detached', 'uploading', 'kept')
    or num_nulls(copied_at, row_count, content_bytes, content_sha256, bytes, sha256, codec, manifest) = 0
  ),
  constraint archives_ended check (state not in ('archived', 'restored', 'replaced') or archived_at is not null),
  constraint archives_restored check ((state = 'restored') <= (num_nulls(restored_at, kept_until) = 0))
);
comment on table platform.archives is 'One row an archive of a partition: how far it is, and what proves it.';
comment on column platform.archives.attempt is 'Counts the uploads of this partition, from first_attempt on for this archive; part of the name, so that no two ever write one object.';
comment on column platform.archives.name is 'What it is called: schema.partition.attempt; its objects are NAME-ID.copy.gz and NAME-ID.json, with the id of the archive.';
comment on column platform.archives.place is 'The folder or bucket as a url, without credentials.';
comment on column platform.archives.state is 'detaching, detached, uploading, stored, verified (read back and loaded) are under way; archived: the partition was dropped; kept: it was attached again, because a tenant wants it kept or a legal hold stands; restored: it is back until kept_until; replaced: it was restored and archived again since.';
comment on column platform.archives.copied_at is 'When the rows were read: erasures that ended later are applied to what is restored.';
comment on column platform.archives.content_sha256 is 'Of the rows as COPY writes them, before compression; sha256 is of the object.';
create unique index archives_unfinished on platform.archives (schema_name, partition_name) where state in ('detaching', 'detached', 'uploading', 'stored', 'verified');
create index archives_partition on platform.archives (schema_name, partition_name);

grant select on platform.archived_tables, platform.archives to pgfleet_operator, pgfleet_monitor;
