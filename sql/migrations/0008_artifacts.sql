--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- Artifacts: names, versions and metadata over contents, which are kept once a tenant whatever refers to them, in chunks.

create table memory.artifact_uploads (
  tenant_id text collate "C" not null,
  upload_id uuid not null,
  renewed_at timestamptz not null,
  constraint artifact_uploads_pkey primary key (tenant_id, upload_id)
);
comment on table memory.artifact_uploads is 'Chunks that no content owns: of a stream that is being written, that broke off, or of a released content. What is not renewed is collected.';

create table memory.artifact_contents (
  tenant_id text collate "C" not null,
  content_id uuid not null,
  sha256 bytea not null,
  size_bytes bigint not null,
  stored_bytes bigint not null,
  chunk_count integer not null,
  codec text not null,
  created_at timestamptz not null,
  last_used_at timestamptz not null,
  constraint artifact_contents_pkey primary key (tenant_id, content_id),
  constraint artifact_contents_sha256_unique unique (tenant_id, sha256),
  constraint artifact_contents_sha256_length check (octet_length(sha256) = 32),
  constraint artifact_contents_sizes_legal check (size_bytes >= 0 and stored_bytes >= 0 and chunk_count >= 0),
  constraint artifact_contents_codec_legal check (codec in ('none', 'brotli'))
) with (fillfactor = 80);
comment on table memory.artifact_contents is 'Distinct bytes of a tenant, by their SHA-256. How many artifacts refer to one is counted, never kept: it cannot go wrong.';
comment on column memory.artifact_contents.codec is 'brotli when any of its chunks is compressed.';
comment on column memory.artifact_contents.last_used_at is 'When an artifact last began or ceased to refer to it: collected a grace period later, when none does.';

create table memory.artifact_chunks (
  tenant_id text collate "C" not null,
  content_id uuid not null,
  chunk_no integer not null,
  codec text not null,
  size_bytes integer not null,
  crc32 bigint not null,
  data bytea not null,
  constraint artifact_chunks_pkey primary key (tenant_id, content_id, chunk_no),
  constraint artifact_chunks_no_positive check (chunk_no >= 0),
  constraint artifact_chunks_size_legal check (size_bytes between 1 and 262144),
  constraint artifact_chunks_codec_legal check (codec in ('none', 'brotli'))
);
comment on table memory.artifact_chunks is 'The bytes: each chunk but the last stands for 262144 bytes, compressed by itself where that saves a tenth.';
comment on column memory.artifact_chunks.crc32 is 'Checksum of data as it is stored; checked before the bytes are given out.';
-- Compressed already, where it pays: the server must not try again.
alter table memory.artifact_chunks alter column data set storage external;

create table memory.artifact_names (
  tenant_id text collate "C" not null,
  scope uuid not null,
  name text collate "C" not null,
  latest_version integer not null,
  constraint artifact_names_pkey primary key (tenant_id, scope, name)
) with (fillfactor = 80);
comment on table memory.artifact_names is 'The latest version of each name, so that concurrent writers of a name stand in line and no version is given twice.';
comment on column memory.artifact_names.scope is 'The session, or the nil UUID for artifacts without one.';

create table memory.artifacts (
  tenant_id text collate "C" not null,
  artifact_id uuid not null,
  session_id uuid,
  name text collate "C" not null,
  version integer not null,
  content_id uuid not null,
  artifact_type text not null,
  mime_type text not null,
  tags text[] not null default '{}'::text[],
  metadata jsonb not null default '{}'::jsonb,
  parent_artifact_id uuid,
  size_bytes bigint not null,
  created_at timestamptz not null,
  constraint artifacts_pkey primary key (tenant_id, artifact_id),
  constraint artifacts_version_unique unique nulls not distinct (tenant_id, session_id, name, version),
  -- Two keys that are worth their look-ups: bytes that something refers to cannot be deleted, by whatever mistake.
  constraint artifacts_content_fkey foreign key (tenant_id, content_id) references memory.artifact_contents,
  constraint artifacts_session_fkey foreign key (tenant_id, session_id) references memory.sessions on delete cascade,
  constraint artifacts_name_length check (length(name) between 1 and 500),
  constraint artifacts_version_positive check (version >= 1),
  constraint artifacts_size_positive check (size_bytes >= 0)
);
comment on table memory.artifacts is 'One row a version of an artifact. Rows never change.';
create index artifacts_session on memory.artifacts (tenant_id, session_id, artifact_id) where session_id is not null;
create index artifacts_content on memory.artifacts (tenant_id, content_id);

-- The setting is read in a sub-select: once a statement instead of once a row.
do $$
declare
  v_table regclass;
begin
  for v_table in
    select c.oid from pg_class c
    where c.relnamespace = 'memory'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity
  loop
    execute format('alter table %s enable row level security', v_table);
    execute format('alter table %s force row level security', v_table);
    execute format('create policy tenant_isolation on %s using (tenant_id = (select current_setting(''pgfleet.tenant'', true))) with check (tenant_id = (select current_setting(''pgfleet.tenant'', true)))', v_table);
    execute format('grant select, insert, update, delete on %s to pgfleet_app', v_table);
  end loop;
end
$$;
