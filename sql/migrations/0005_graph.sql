--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- The bi-temporal knowledge graph. A version says what held over its valid time, as it was believed over its transaction
-- time. Both are half-open, kept as two columns each: comparisons of timestamps are leakproof, so that they may use an
-- index under row-level security, where those of ranges may not. Of a recorded version nothing ever changes but the end of
-- its transaction time.

create table memory.entities (
  tenant_id text collate "C" not null,
  entity_id uuid not null,
  changed_at timestamptz not null,
  constraint entities_pkey primary key (tenant_id, entity_id)
) with (fillfactor = 80);
comment on table memory.entities is 'One row an entity: what its writers lock, and the clock of its transaction time. What is known of it lies in entity_versions.';
comment on column memory.entities.changed_at is 'Transaction time of the last change; the next one is later, whatever the clock says.';

create table memory.entity_versions (
  tenant_id text collate "C" not null,
  entity_id uuid not null,
  superseded_at timestamptz not null default 'infinity',
  valid_from timestamptz not null default '-infinity',
  valid_to timestamptz not null default 'infinity',
  recorded_at timestamptz not null default statement_timestamp(),
  episode_id uuid,
  entity_type text collate "C" not null,
  entity_name text not null,
  properties jsonb not null default '{}'::jsonb,
  search tsvector not null generated always as (
    setweight(to_tsvector('simple'::regconfig, entity_name) || to_tsvector('english'::regconfig, entity_name), 'A')
    || setweight(jsonb_to_tsvector('english'::regconfig, properties, '["string", "numeric"]'::jsonb), 'B')
  ) stored,
  constraint entity_versions_pkey primary key (tenant_id, entity_id, superseded_at, valid_from),
  constraint entity_versions_valid_time_ordered check (valid_from < valid_to),
  constraint entity_versions_transaction_time_ordered check (recorded_at < superseded_at),
  constraint entity_versions_type_length check (length(entity_type) between 1 and 255),
  constraint entity_versions_name_length check (length(entity_name) between 1 and 500),
  constraint entity_versions_properties_object check (jsonb_typeof(properties) = 'object')
);
comment on table memory.entity_versions is 'What is and was known of entities. Current knowledge never overlaps in valid time, and neighbours that say the same are one row.';
comment on column memory.entity_versions.superseded_at is 'End of the transaction time; infinity while it is what is believed. First in the key, so that what is believed lies together.';
comment on column memory.entity_versions.valid_from is 'First moment at which it held; -infinity where that is unknown or always.';
comment on column memory.entity_versions.valid_to is 'First moment at which it no longer held; infinity where that is unknown or never.';
comment on column memory.entity_versions.episode_id is 'The episode that recorded it, where there was one.';
create index entity_versions_type on memory.entity_versions (tenant_id, entity_type, entity_id, superseded_at, valid_from);

create table memory.relationships (
  tenant_id text collate "C" not null,
  relationship_id uuid not null,
  changed_at timestamptz not null,
  constraint relationships_pkey primary key (tenant_id, relationship_id)
) with (fillfactor = 80);
comment on table memory.relationships is 'One row a relationship (subject, type, object): what its writers lock, and the clock of its transaction time.';
comment on column memory.relationships.relationship_id is 'memory.relationship_id of subject, type and object.';

create table memory.relationship_versions (
  tenant_id text collate "C" not null,
  relationship_id uuid not null,
  superseded_at timestamptz not null default 'infinity',
  valid_from timestamptz not null default '-infinity',
  valid_to timestamptz not null default 'infinity',
  recorded_at timestamptz not null default statement_timestamp(),
  episode_id uuid,
  subject_id uuid not null,
  relationship_type text collate "C" not null,
  object_id uuid not null,
  properties jsonb not null default '{}'::jsonb,
  constraint relationship_versions_pkey primary key (tenant_id, relationship_id, superseded_at, valid_from),
  constraint relationship_versions_valid_time_ordered check (valid_from < valid_to),
  constraint relationship_versions_transaction_time_ordered check (recorded_at < superseded_at),
  constraint relationship_versions_type_length check (length(relationship_type) between 1 and 255),
  constraint relationship_versions_properties_object check (jsonb_typeof(properties) = 'object')
);
comment on table memory.relationship_versions is 'What is and was known of relationships; like entity_versions. Both ends exist over all of the valid time.';
create index relationship_versions_subject on memory.relationship_versions (tenant_id, subject_id, superseded_at, relationship_type, object_id, valid_from);
create index relationship_versions_object on memory.relationship_versions (tenant_id, object_id, superseded_at, relationship_type, subject_id, valid_from);

create table memory.episodes (
  tenant_id text collate "C" not null,
  episode_id uuid not null,
  content_hash uuid not null,
  recorded_at timestamptz not null,
  occurred_at timestamptz,
  source text,
  metadata jsonb not null default '{}'::jsonb,
  results jsonb not null default '[]'::jsonb,
  constraint episodes_pkey primary key (tenant_id, episode_id)
) partition by range (episode_id);
comment on table memory.episodes is 'Changes of the graph that came together, under an id that makes them idempotent. Partitioned by the month inside the id.';
comment on column memory.episodes.recorded_at is 'The one transaction time of all its changes.';
comment on column memory.episodes.results is 'What each change led to: {id, changed}; the answer to a repetition.';

insert into platform.partitioned_tables (schema_name, table_name, id_column, retention) values
  ('memory', 'episodes', 'episode_id', interval '366 days');

do $$
declare
  v_gist text := (select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'btree_gist');
  v_trgm text := (select n.nspname from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm');
begin
  -- The conditions of the partial indexes differ, = and >=, so that a query chooses by how it is written which it may use.
  -- The operator classes live where their extensions were installed. Two current versions cannot overlap, whoever writes.
  execute format('alter table memory.entity_versions add constraint entity_versions_no_overlap exclude using gist
    (tenant_id %1$I.gist_text_ops with =, entity_id %1$I.gist_uuid_ops with =, tstzrange(valid_from, valid_to) with &&)
    where (superseded_at = ''infinity'')', v_gist);
  execute format('alter table memory.relationship_versions add constraint relationship_versions_no_overlap exclude using gist
    (tenant_id %1$I.gist_text_ops with =, relationship_id %1$I.gist_uuid_ops with =, tstzrange(valid_from, valid_to) with &&)
    where (superseded_at = ''infinity'')', v_gist);
  execute format('create index entity_versions_name_trigrams on memory.entity_versions using gin (entity_name %I.gin_trgm_ops)
    with (gin_pending_list_limit = 256) where (superseded_at >= ''infinity'')', v_trgm);
end
$$;
create index entity_versions_search on memory.entity_versions using gin (search)
  with (gin_pending_list_limit = 256) where (superseded_at >= 'infinity');

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

-- The text search runs as this role: under the tenant's policy alone, conditions that are not leakproof may not use an
-- index. memory.find_entities carries the tenant predicate itself.
create policy search_reads on memory.entity_versions for select to pgfleet_search using (true);
grant select on memory.entity_versions to pgfleet_search;
