--! breaking: no   lock: access exclusive on delivery.workflow_details while its index is built, on delivery.audit_seals for a moment   rewrite: none   time: a scan of delivery.workflow_details
-- What a workflow was created with is never changed, so its row of delivery.workflow_details is the entry of its creation in the audit,
-- as an agent session's is: a second row that repeats it cost a quarter of the throughput. Workflows created before have a row in
-- delivery.audit_log, and keep it: their transaction_id is null.

-- No name of delivery.workflows: reads of the version before, which go on meanwhile, lay the two rows over each other.
alter table delivery.workflow_details
  add column transaction_id xid8,
  add column audit_sequence bigint,
  add column recorded_at timestamptz,
  add column actor_type text collate "C",
  add column actor_id text collate "C",
  add column correlation_id text collate "C",
  add column created_priority integer,
  add column created_tasks integer,
  add column created_with jsonb;
-- What is there has none. No defaults either: rows of older exports have their entries in delivery.audit_log.
alter table delivery.workflow_details add constraint workflow_details_actor_type check (actor_type in ('user', 'agent', 'system', 'api', 'webhook', 'scheduler')) not valid;
alter table delivery.workflow_details add constraint workflow_details_place check (
  (transaction_id is null) = (audit_sequence is null) and (transaction_id is null or recorded_at is not null)
) not valid;
comment on table delivery.workflow_details is 'What each workflow was created with, and the entry of its creation in the audit; never changed, so that its indexes are written once.';
comment on column delivery.workflow_details.transaction_id is 'The transaction that created it; with audit_sequence its place in the audit. Null: created by a version that wrote a row of delivery.audit_log besides.';
comment on column delivery.workflow_details.audit_sequence is 'Orders the audit rows of one transaction; gaps mean nothing.';
comment on column delivery.workflow_details.recorded_at is 'When it was created. Null, as all that follows, where an older version did.';
comment on column delivery.workflow_details.actor_type is 'Who created it, as given to tenant.as(); null when nobody was given.';
comment on column delivery.workflow_details.correlation_id is 'What belongs together: a run, a request, a trace.';
comment on column delivery.workflow_details.created_priority is 'The priority that it was created with.';
comment on column delivery.workflow_details.created_tasks is 'How many tasks it was created with.';
comment on column delivery.workflow_details.created_with is 'Its configuration and metadata without secrets, those that are not empty; null where both are.';
-- Partial, so that it never serves to find a workflow by its key: before the table is analyzed it would look as good.
-- pgfleet-lint ignore index-without-concurrently: no row is in it yet; the scan is told of above
create index workflow_details_order on delivery.workflow_details (tenant_id, transaction_id, audit_sequence) where transaction_id is not null;

-- What the entry tells cannot be changed, and no entry be removed.
revoke update, delete on delivery.workflow_details from pgfleet_app;

-- It returns something else from now on.
drop function if exists delivery.hash_audit_rows(text, bytea, xid8, bigint, xid8, bigint);

alter table delivery.audit_seals add column are_workflows boolean[];
comment on column delivery.audit_seals.are_workflows is 'For each of audit_ids whether it is of delivery.workflow_details; null when none is.';
