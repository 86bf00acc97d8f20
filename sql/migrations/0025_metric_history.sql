--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- The history of a monitor: which servers it watches, their series, and what each snapshot showed. Snapshots of the hour lie as rows
-- of what changed; when the hour is over they are folded into one row a series. No table holds a row of a tenant, none is written
-- but by functions.

create table platform.metric_sources (
  source_id integer generated always as identity,
  source text collate "C" not null,
  writer uuid,
  lease_expires_at timestamptz not null default '-infinity',
  keep interval not null default interval '14 days',
  settings jsonb not null default '{}'::jsonb,
  first_at timestamptz not null,
  constraint metric_sources_pkey primary key (source_id),
  constraint metric_sources_source_unique unique (source),
  constraint metric_sources_keep_an_hour check (keep >= interval '1 hour'),
  constraint metric_sources_settings_object check (jsonb_typeof(settings) = 'object')
);
comment on table platform.metric_sources is 'One row a database that is watched.';
comment on column platform.metric_sources.source is 'The system identifier of its cluster, a slash, its name.';
comment on column platform.metric_sources.writer is 'The monitor that writes, until its lease runs out by the clock of this server; others wait.';
comment on column platform.metric_sources.settings is 'The settings of the watched server when last looked at; those that may hold secrets are hidden.';

create table platform.metric_series (
  series_id integer generated always as identity,
  source_id integer not null,
  metric text collate "C" not null,
  labels jsonb not null,
  kind text collate "C" not null,
  constraint metric_series_pkey primary key (series_id),
  constraint metric_series_unique unique (source_id, metric, labels),
  constraint metric_series_source_fkey foreign key (source_id) references platform.metric_sources (source_id),
  constraint metric_series_kind_known check (kind in ('gauge', 'counter')),
  constraint metric_series_size check (octet_length(metric) <= 200 and octet_length(labels::text) <= 2000)
);
comment on table platform.metric_series is 'A metric with its labels; what is kept of it is known by the id.';

create table platform.metric_segments (
  segment_id bigint generated always as identity,
  source_id integer not null,
  is_open boolean not null default true,
  first_at timestamptz not null,
  last_at timestamptz not null,
  offsets integer[],
  notes jsonb,
  constraint metric_segments_pkey primary key (segment_id),
  constraint metric_segments_source_fkey foreign key (source_id) references platform.metric_sources (source_id),
  constraint metric_segments_folded check (is_open = (offsets is null) and is_open = (notes is null))
);
comment on table platform.metric_segments is 'Snapshots that one monitor took one after another, an hour of them at most; the first is whole, the others are what changed.';
comment on column platform.metric_segments.first_at is 'The earliest time of its snapshots, last_at the latest: where a clock is set back these are not those of the first and the last.';
comment on column platform.metric_segments.offsets is 'The times of its snapshots in the order in which they were taken, in milliseconds behind first_at.';
comment on column platform.metric_segments.notes is 'What snapshots told besides their values, by their ordinals: the server, settings that changed, sources that failed.';
create unique index metric_segments_open on platform.metric_segments (source_id) where is_open;
create index metric_segments_time on platform.metric_segments (source_id, last_at);

create table platform.metric_snapshots (
  segment_id bigint not null,
  ordinal smallint not null,
  at timestamptz not null,
  note jsonb,
  series_ids integer[] not null,
  sample_values double precision[] not null,
  constraint metric_snapshots_pkey primary key (segment_id, ordinal),
  constraint metric_snapshots_segment_fkey foreign key (segment_id) references platform.metric_segments (segment_id)
);
comment on table platform.metric_snapshots is 'The snapshots of segments that are open: their values that are not those of the snapshot before.';
comment on column platform.metric_snapshots.sample_values is 'Null: the series was there in the snapshot before, and is not in this one.';

create table platform.metric_chunks (
  series_id integer not null,
  segment_id bigint not null,
  ordinals smallint[],
  sample_values double precision[] not null,
  constraint metric_chunks_pkey primary key (series_id, segment_id)
);
comment on table platform.metric_chunks is 'What a series was in the snapshots of a folded segment: its changes, and those alone.';
comment on column platform.metric_chunks.ordinals is 'Which snapshots changed it; null: each of them did.';
-- No foreign keys: a segment has thousands of rows, and its removal takes them all. Rows of a segment lie together.
create index metric_chunks_segment on platform.metric_chunks using brin (segment_id) with (pages_per_range = 16, autosummarize = on);

create table platform.open_alerts (
  watched text collate "C" not null,
  alerts jsonb not null,
  saved_at timestamptz not null,
  constraint open_alerts_pkey primary key (watched),
  constraint open_alerts_array check (jsonb_typeof(alerts) = 'array')
);
comment on table platform.open_alerts is 'The alerts that are open, so that a monitor that starts again does not tell them again.';
comment on column platform.open_alerts.watched is 'The address of the database that is watched: host:port/name.';

grant select on platform.open_alerts, platform.metric_sources, platform.metric_series, platform.metric_segments, platform.metric_snapshots, platform.metric_chunks
  to pgfleet_monitor, pgfleet_operator;
