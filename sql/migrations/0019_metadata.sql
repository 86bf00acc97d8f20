--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- The metadata store: entities, their entries (one typed value a key), who may touch which sync group, and the log of
-- changes that subscribers follow.

create schema metadata;
comment on schema metadata is 'What agents share: entities and their metadata, by sync group and channel, with the changes as they happen.';
grant usage on schema metadata to pgfleet_app, pgfleet_monitor;

create table metadata.sync_groups (
  tenant_id text collate "C" not null,
  sync_group text collate "C" not null,
  tick_ms integer not null,
  ticks_kept integer not null,
  durability text collate "C" not null default 'durable',
  is_enabled boolean not null default true,
  move_count bigint not null default 0,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  description text,
  constraint sync_groups_pkey primary key (tenant_id, sync_group),
  constraint sync_groups_name_length check (length(sync_group) between 1 and 100),
  constraint sync_groups_tick_range check (tick_ms between 5 and 3600000),
  constraint sync_groups_ticks_kept_range check (ticks_kept between 1 and 10000),
  constraint sync_groups_durability_legal check (durability in ('durable', 'async', 'volatile'))
);
comment on table metadata.sync_groups is 'How often the changes of a group of entities are delivered, and what a crash may lose of them.';
comment on column metadata.sync_groups.tick_ms is 'Subscribers get at most one message a key in so many milliseconds.';
comment on column metadata.sync_groups.ticks_kept is 'The length of the ring in metadata.ticks.';
comment on column metadata.sync_groups.move_count is 'Grows when an entity is renamed, or moved into the group, out of it or between its channels: a writer that finds it as it was has logged where its entities are.';
comment on column metadata.sync_groups.durability is 'The least that a write to the group is given: durable, async or volatile.';

create table metadata.roles (
  tenant_id text collate "C" not null,
  agent_id text collate "C" not null,
  sync_group text collate "C" not null,
  can_read boolean not null default true,
  can_insert boolean not null default false,
  can_update boolean not null default false,
  can_delete boolean not null default false,
  updated_at timestamptz not null,
  constraint roles_pkey primary key (tenant_id, agent_id, sync_group),
  constraint roles_agent_length check (length(agent_id) between 1 and 200),
  constraint roles_sync_group_fkey foreign key (tenant_id, sync_group) references metadata.sync_groups (tenant_id, sync_group)
);
comment on table metadata.roles is 'What an agent may do with the entities of a sync group and their entries. No row: nothing.';

create table metadata.agents (
  tenant_id text collate "C" not null,
  agent_id text collate "C" not null,
  last_seen_at timestamptz not null,
  constraint agents_pkey primary key (tenant_id, agent_id)
) with (fillfactor = 70);
comment on table metadata.agents is 'When each agent last wrote; brought up to date once a second, never behind its newest entry by more.';

create table metadata.entities (
  tenant_id text collate "C" not null,
  entity_id uuid not null,
  name text collate "C" not null,
  sync_group text collate "C" not null,
  channel text collate "C",
  load_priority integer not null default 1,
  version_floor bigint not null default 0,
  expire_after_update_ms bigint,
  expire_after_creation_ms bigint,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  created_by text collate "C",
  updated_by text collate "C",
  constraint entities_pkey primary key (tenant_id, entity_id),
  constraint entities_name_unique unique (tenant_id, name),
  constraint entities_name_length check (length(name) between 1 and 200),
  constraint entities_channel_length check (length(channel) between 1 and 100),
  constraint entities_expiry_positive check (expire_after_update_ms > 0 and expire_after_creation_ms > 0),
  constraint entities_sync_group_fkey foreign key (tenant_id, sync_group) references metadata.sync_groups (tenant_id, sync_group)
) with (fillfactor = 70);
comment on table metadata.entities is 'What metadata is about. The group and the channel of an entity are those of all its entries.';
comment on column metadata.entities.entity_id is 'Stays when the entity is renamed or moved, and is what its entries refer to.';
comment on column metadata.entities.load_priority is 'For clients that load a group: the higher, the earlier.';
comment on column metadata.entities.version_floor is 'The highest version among entries of the entity that were deleted and forgotten: a new entry starts above it.';
comment on column metadata.entities.updated_at is 'When the entity or one of its entries last changed; for entries brought up to date once a second.';
comment on column metadata.entities.expire_after_update_ms is 'The entity is gone so long after its last change, or its newest entry''s; null: never.';
comment on column metadata.entities.expire_after_creation_ms is 'The entity is gone so long after its creation; null: never.';
-- To list a group, or a channel of it, by name.
create index entities_group on metadata.entities (sync_group, tenant_id, name);
create index entities_channel on metadata.entities (sync_group, tenant_id, channel, name) where channel is not null;
-- Those that can expire, without a time that moves in the index.
create index entities_expiring on metadata.entities (tenant_id, entity_id) where expire_after_update_ms is not null or expire_after_creation_ms is not null;

create table metadata.entries (
  tenant_id text collate "C" not null,
  entity_id uuid not null,
  version bigint not null,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  expires_at timestamptz not null default 'infinity',
  integer_value bigint,
  float_value double precision,
  boolean_value boolean,
  is_deleted boolean not null default false,
  key text collate "C" not null,
  updated_by text collate "C",
  text_value text,
  json_value jsonb,
  bytes_value bytea,
  constraint entries_pkey primary key (tenant_id, entity_id, key),
  constraint entries_entity_fkey foreign key (tenant_id, entity_id) references metadata.entities (tenant_id, entity_id),
  constraint entries_key_length check (length(key) between 1 and 500),
  constraint entries_version_positive check (version > 0),
  constraint entries_one_value check (num_nonnulls(json_value, text_value, integer_value, float_value, boolean_value, bytes_value) = (not is_deleted)::integer)
) with (fillfactor = 70);
comment on table metadata.entries is 'The metadata: one typed value a key of an entity. No index holds the value, the version or the time of the last update, so updates are HOT.';
comment on column metadata.entries.version is 'Grows with each write of the key, and goes on when a deleted key is set again.';
comment on column metadata.entries.is_deleted is 'A tombstone: subscribers learn of the deletion from it; forgotten when no cursor can need it any more.';
comment on column metadata.entries.expires_at is 'The entry is gone from then on; infinity: it stays. Of a tombstone: when it may be forgotten.';
create index entries_expires_at on metadata.entries using brin (expires_at) with (pages_per_range = 32, autosummarize = on);

create unlogged table metadata.volatile_entries (
  tenant_id text collate "C" not null,
  entity_id uuid not null,
  version bigint not null,
  updated_at timestamptz not null,
  expires_at timestamptz not null default 'infinity',
  integer_value bigint,
  float_value double precision,
  boolean_value boolean,
  is_deleted boolean not null default false,
  key text collate "C" not null,
  updated_by text collate "C",
  text_value text,
  json_value jsonb,
  bytes_value bytea,
  constraint volatile_entries_pkey primary key (tenant_id, entity_id, key),
  constraint volatile_entries_key_length check (length(key) between 1 and 500),
  constraint volatile_entries_version_positive check (version > 0),
  constraint volatile_entries_one_value check (num_nonnulls(json_value, text_value, integer_value, float_value, boolean_value, bytes_value) = (not is_deleted)::integer)
) with (fillfactor = 50);
comment on table metadata.volatile_entries is 'Writes of volatile groups until they are merged into metadata.entries. Unlogged: empty after a crash of the server, and on replicas. A reader takes the higher version.';

-- What metadata.judge_entries makes of an item that is to be written.
create type metadata.judged_entry as (
  ordinal integer,
  call bigint,
  entity_id uuid,
  key text,
  agent_id text,
  type text,
  value text,
  expires_at timestamptz,
  expected bigint,
  durability text,
  is_volatile boolean,
  version bigint,
  is_there boolean,
  is_same boolean,
  is_stored boolean,
  is_pending boolean,
  may_expire boolean,
  refusal text
);
comment on type metadata.judged_entry is 'An item of a write, beside what is there: its present version, whether it is allowed, and whether it changes anything.';

-- One row a statement and group, not one a key: a batch of a hundred writes costs one insert here.
create sequence metadata.change_sequence as bigint cache 100;
comment on sequence metadata.change_sequence is 'Tells the rows of one transaction apart; gaps mean nothing.';
grant usage on sequence metadata.change_sequence to pgfleet_app;

create table metadata.changes (
  tenant_id text collate "C" not null,
  sync_group text collate "C" not null,
  transaction_id xid8 not null default pg_current_xact_id(),
  sequence bigint not null default nextval('metadata.change_sequence'),
  recorded_at timestamptz not null default statement_timestamp(),
  slot smallint not null default (floor(extract(epoch from statement_timestamp()) / 900)::bigint % 4)::smallint,
  kind text collate "C" not null,
  entity_ids uuid[] not null default '{}',
  names text[] not null default '{}',
  channels text[] not null default '{}',
  keys text[] not null default '{}',
  agent_ids text[] not null default '{}',
  constraint changes_pkey primary key (tenant_id, sync_group, transaction_id, sequence, slot),
  constraint changes_kind_legal check (kind in ('entries', 'entities', 'roles')),
  constraint changes_aligned check (cardinality(names) = cardinality(entity_ids) and cardinality(channels) = cardinality(entity_ids) and (kind <> 'entries' or cardinality(keys) = cardinality(entity_ids)))
) partition by list (slot);
comment on table metadata.changes is 'Which keys changed, in the order of transactions; what they are now stands in metadata.entries. A ring of four quarters of an hour: the one that comes next is emptied before it is written, so at least half an hour is kept.';
comment on column metadata.changes.transaction_id is 'Followers read those below the oldest running transaction, in the order (transaction_id, sequence), and miss nothing.';
comment on column metadata.changes.slot is 'The quarter of an hour it was written in, modulo four.';
comment on column metadata.changes.kind is 'entries: keys were set or deleted. entities: entities were made, renamed, moved out or in, or deleted. roles: the rights of agents changed.';
comment on column metadata.changes.names is 'The name of each entity at that time: a deleted one is found in no other table.';
comment on column metadata.changes.channels is 'The channel of each entity at that time.';
comment on column metadata.changes.keys is 'Of entries: the key that changed, beside its entity.';
comment on column metadata.changes.agent_ids is 'Who wrote; of roles: whose rights changed.';
create table metadata.changes_s0 partition of metadata.changes for values in (0);
create table metadata.changes_s1 partition of metadata.changes for values in (1);
create table metadata.changes_s2 partition of metadata.changes for values in (2);
create table metadata.changes_s3 partition of metadata.changes for values in (3);
-- For the newest transaction of a slot; behind the slot, so that no follower of one group takes this for its way.
create index changes_transaction on metadata.changes (slot, transaction_id);
-- Whether rights have changed is asked at every look at the log.
create index changes_roles on metadata.changes (tenant_id, sync_group, transaction_id) where kind = 'roles';

create table metadata.change_floors (
  slot smallint not null,
  transaction_id xid8 not null default '0',
  emptied_at timestamptz not null default '-infinity',
  constraint change_floors_pkey primary key (slot)
);
comment on table metadata.change_floors is 'The newest transaction that was emptied out of each slot of metadata.changes: an older cursor has missed something.';
insert into metadata.change_floors (slot) values (0), (1), (2), (3);
grant select on metadata.change_floors to pgfleet_app, pgfleet_monitor;

create table metadata.tick_leases (
  tenant_id text collate "C" not null,
  sync_group text collate "C" not null,
  holder_id uuid not null,
  expires_at timestamptz not null,
  tick_number bigint not null default 0,
  transaction_id xid8 not null,
  sequence bigint not null default 0,
  touched pg_snapshot,
  constraint tick_leases_pkey primary key (tenant_id, sync_group)
) with (fillfactor = 50);
comment on table metadata.tick_leases is 'Which process ticks a group, until when, and how far it has come in the log of changes.';
comment on column metadata.tick_leases.tick_number is 'The last tick that was captured.';
comment on column metadata.tick_leases.transaction_id is 'All changes of transactions below it are in a tick.';
comment on column metadata.tick_leases.touched is 'All changes that this snapshot saw have reached entities.updated_at and agents.last_seen_at; null: find out from the entries.';

create table metadata.ticks (
  tenant_id text collate "C" not null,
  sync_group text collate "C" not null,
  slot integer not null,
  tick_number bigint not null,
  due_at timestamptz not null,
  started_at timestamptz not null,
  duration_ms double precision not null,
  delay_ms double precision not null,
  headroom_ms double precision not null,
  is_delayed boolean not null,
  change_count integer not null,
  delta jsonb not null,
  constraint ticks_pkey primary key (tenant_id, sync_group, slot),
  constraint ticks_times_positive check (duration_ms >= 0 and delay_ms >= 0)
) with (fillfactor = 50);
comment on table metadata.ticks is 'The last ticks of each group, a ring: what changed in each, and how punctual it was.';
comment on column metadata.ticks.slot is 'The number of the tick modulo the length of the ring.';
comment on column metadata.ticks.delay_ms is 'How long after it was due it started.';
comment on column metadata.ticks.headroom_ms is 'What was left of its time when it had ended; negative: it took longer than a tick.';
comment on column metadata.ticks.delta is 'The changed keys with what they held at the end of the tick: [{"entity", "key", "version", "value" or "deleted"}].';

-- The setting is read in a sub-select: once a statement instead of once a row.
do $$
declare
  v_table regclass;
begin
  for v_table in
    select c.oid from pg_class c
    where c.relnamespace = 'metadata'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity and c.relname <> 'change_floors'
  loop
    execute format('alter table %s enable row level security', v_table);
    execute format('alter table %s force row level security', v_table);
    execute format('create policy tenant_isolation on %s using (tenant_id = (select current_setting(''pgfleet.tenant'', true))) with check (tenant_id = (select current_setting(''pgfleet.tenant'', true)))', v_table);
    if not (select c.relispartition from pg_class c where c.oid = v_table) then
      execute format('grant select, insert, update, delete on %s to pgfleet_app', v_table);
    end if;
  end loop;
end
$$;
-- What was logged stays as it is.
revoke update, delete on metadata.changes from pgfleet_app;
-- metadata.empty_change_slot looks how old the rows are that it is about to empty out, whosever they are.
do $$
begin
  for v_slot in 0..3 loop
    execute format('create policy owner_empties on metadata.changes_s%s for select to pgfleet_owner using (true)', v_slot);
  end loop;
end
$$;

-- The tenants that are here already get the groups that new ones get from metadata.provision.
do $$
declare
  v_tenant text;
begin
  for v_tenant in select tenant_id from platform.tenants order by tenant_id loop
    perform set_config('pgfleet.tenant', v_tenant, true);
    insert into metadata.sync_groups (tenant_id, sync_group, tick_ms, ticks_kept, durability, created_at, updated_at)
    values
      (v_tenant, 'REALTIME', 20, 50, 'durable', now(), now()),
      (v_tenant, 'NORMAL', 50, 20, 'durable', now(), now()),
      (v_tenant, 'BACKGROUND', 200, 10, 'durable', now(), now()),
      (v_tenant, 'STATIC', 500, 5, 'durable', now(), now());
  end loop;
  perform set_config('pgfleet.tenant', '', true);
end
$$;
