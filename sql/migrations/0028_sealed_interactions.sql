--! breaking: no   lock: access exclusive on delivery.agent_interactions while its index is built, and on delivery.audit_seals for a moment   rewrite: none   time: a scan of delivery.agent_interactions
-- An interaction is never changed, so its row can be its own entry of the audit: who did it, and its place in the order that is
-- sealed, stand in it. A second row that repeats it cost a third of the throughput. Interactions recorded before have a row in
-- delivery.audit_log, and keep it: their transaction_id is null.

alter table delivery.agent_interactions
  add column transaction_id xid8,
  add column audit_sequence bigint,
  add column actor_type text collate "C",
  add column actor_id text collate "C",
  add column correlation_id text collate "C";
-- What is there has none. No defaults either: rows of older exports and archives have their entries in delivery.audit_log.
alter table delivery.agent_interactions add constraint agent_interactions_actor_type check (actor_type in ('user', 'agent', 'system', 'api', 'webhook', 'scheduler')) not valid;
alter table delivery.agent_interactions add constraint agent_interactions_place check ((transaction_id is null) = (audit_sequence is null)) not valid;
comment on table delivery.agent_interactions is 'What the agents did: one row an interaction, never changed, and its own entry of the audit. Partitioned by the month inside the id.';
comment on column delivery.agent_interactions.transaction_id is 'The transaction that recorded it; with audit_sequence its place in the audit. Null: recorded by a version that wrote a row of delivery.audit_log besides.';
comment on column delivery.agent_interactions.audit_sequence is 'Orders the audit rows of one transaction; gaps mean nothing.';
comment on column delivery.agent_interactions.actor_type is 'Who did it, as given to tenant.as(); null when nobody was given.';
comment on column delivery.agent_interactions.correlation_id is 'What belongs together: a run, a request, a trace.';
-- Partial, so that it never serves to find an interaction by its key: before the tables are analyzed it would look as good.
-- pgfleet-lint ignore index-without-concurrently: no row is in it yet; the scan is told of above
create index agent_interactions_order on delivery.agent_interactions (tenant_id, transaction_id, audit_sequence) where transaction_id is not null;

-- They return, or are asked, something else from now on.
drop function if exists delivery.hash_audit_rows(text, bytea, xid8, bigint, xid8, bigint);
drop function if exists delivery.is_retired(uuid, timestamptz);

alter table delivery.audit_seals add column are_interactions boolean[];
comment on column delivery.audit_seals.are_interactions is 'For each of audit_ids whether it is of delivery.agent_interactions; null when none is.';

-- Interactions may be kept for a shorter time than the audit log: what was removed is known by this.
create table delivery.interaction_floors (
  tenant_id text collate "C" not null,
  removed_below uuid not null,
  constraint interaction_floors_pkey primary key (tenant_id)
);
comment on table delivery.interaction_floors is 'Up to where a tenant''s retention has removed interactions, so that the audit does not miss them.';
comment on column delivery.interaction_floors.removed_below is 'Interactions with a smaller id have retired, whether or not the row is still there.';
alter table delivery.interaction_floors enable row level security;
alter table delivery.interaction_floors force row level security;
-- The setting is read in a sub-select: once a statement instead of once a row.
create policy tenant_isolation on delivery.interaction_floors using (tenant_id = (select current_setting('pgfleet.tenant', true))) with check (tenant_id = (select current_setting('pgfleet.tenant', true)));
grant select on delivery.interaction_floors to pgfleet_app;
