--! breaking: no   lock: access exclusive on delivery.agent_sessions and delivery.audit_log while their indexes are built, on delivery.audit_seals and delivery.audit_sequence for a moment   rewrite: none   time: a scan of delivery.agent_sessions, and of delivery.audit_log with a sort of its entities
-- The row of an agent session is the entry of its creation in the audit, as an interaction's is of what was done: a second row that
-- repeats it cost as much as the session. Sessions created before have a row in delivery.audit_log, and keep it: their transaction_id
-- is null.

alter table delivery.agent_sessions
  add column transaction_id xid8,
  add column audit_sequence bigint,
  add column actor_type text collate "C",
  add column actor_id text collate "C",
  add column correlation_id text collate "C",
  add column created_with jsonb;
-- What is there has none. No defaults either: rows of older exports have their entries in delivery.audit_log.
alter table delivery.agent_sessions add constraint agent_sessions_actor_type check (actor_type in ('user', 'agent', 'system', 'api', 'webhook', 'scheduler')) not valid;
alter table delivery.agent_sessions add constraint agent_sessions_place check ((transaction_id is null) = (audit_sequence is null)) not valid;
comment on table delivery.agent_sessions is 'One row a session of an agent, with its counters, and the entry of its creation in the audit. Its status changes as delivery.next_agent_session_states says.';
comment on column delivery.agent_sessions.transaction_id is 'The transaction that created it; with audit_sequence its place in the audit. Null: created by a version that wrote a row of delivery.audit_log besides.';
comment on column delivery.agent_sessions.audit_sequence is 'Orders the audit rows of one transaction; gaps mean nothing.';
comment on column delivery.agent_sessions.actor_type is 'Who created it, as given to tenant.as(); null when nobody was given.';
comment on column delivery.agent_sessions.correlation_id is 'What belongs together: a run, a request, a trace.';
comment on column delivery.agent_sessions.created_with is 'What was given at its creation of all that can change since: data, context, metadata, budgets, the end of its time; without secrets, never changed. Null where nothing was given.';
-- Partial, so that it never serves to find a session by its key: before the table is analyzed it would look as good.
-- pgfleet-lint ignore index-without-concurrently: no row is in it yet; the scan is told of above
create index agent_sessions_order on delivery.agent_sessions (tenant_id, transaction_id, audit_sequence) where transaction_id is not null;

-- What the entry tells cannot be changed, and no entry be removed.
revoke update, delete on delivery.agent_sessions from pgfleet_app;
grant update (status, version, data, context, metadata, token_budget, cost_budget, request_budget, request_count, success_count, tokens_used,
  cost_usd, duration_us_sum, duration_us_min, duration_us_max, last_activity_at, live_until, ended_at) on delivery.agent_sessions to pgfleet_app;

-- It returns something else from now on.
drop function if exists delivery.hash_audit_rows(text, bytea, xid8, bigint, xid8, bigint);

alter table delivery.audit_seals add column are_sessions boolean[];
comment on column delivery.audit_seals.are_sessions is 'For each of audit_ids whether it is of delivery.agent_sessions; null when none is.';

-- The id first, where two entries differ: compared in the order before, its place cost nearly twice as much.
-- pgfleet-lint ignore drop-index-without-concurrently: made anew in the next statement, under the same lock
drop index delivery.audit_log_entity;
-- pgfleet-lint ignore index-without-concurrently, work-under-lock: of a partitioned table, in the transaction of the version; the time is told of above
create index audit_log_entity on delivery.audit_log (entity_id, tenant_id, entity_type, audit_id);

-- Twelve hexadecimal digits, all of them: they are the end of an audit row's id (delivery.audit_prefix). Numbers that sessions hold in
-- their caches are given up, for the sequence begins anew. A million of them a second last for eight years.
alter sequence delivery.audit_sequence minvalue 17592186044416 maxvalue 281474976710655 start 17592186044416 restart with 17592186044416;
