--! data-loss: yes
-- pgfleet-lint ignore drop-index-without-concurrently: the way down is for stopped processes
drop index delivery.audit_log_more_entities;
-- pgfleet-lint ignore index-without-concurrently: the way down is for stopped processes
create index audit_log_more_entities on delivery.audit_log using gin (more_entity_ids) with (gin_pending_list_limit = 256) where more_entity_ids is not null;
revoke select (workflow_ids) on delivery.audit_log from pgfleet_search;
-- Its index goes with the column.
alter table delivery.audit_log drop column workflow_ids;
alter table delivery.workflow_tasks set (fillfactor = 70);

-- Seals may tell of the column, so the chain begins anew.
alter table delivery.audit_seals no force row level security;
-- pgfleet-lint ignore write-without-where, backfill-under-lock, work-under-lock: the chain begins anew
delete from delivery.audit_seals;
alter table delivery.audit_seals force row level security;
