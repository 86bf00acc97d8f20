--! breaking: no   lock: access exclusive on delivery.audit_log while its index is built, share update exclusive on delivery.workflow_tasks for a moment   rewrite: none   time: a scan of delivery.audit_log
-- What a batch of jobs costs beside itself. A row of the audit that holds several tasks was found by the id of each of them: an entry of a GIN
-- index a task, for its claim and for its end, was a tenth of a job's whole cost. From now on such a row is found by the workflows that
-- its tasks are of, which are few. Rows that are there are found as before.

alter table delivery.audit_log add column workflow_ids uuid[];
comment on column delivery.audit_log.workflow_ids is 'Of a row that holds several tasks, their workflows: what the row is found by. Null: of all others, and of those that an older version wrote.';
-- pgfleet-lint ignore index-without-concurrently: of a partitioned table, in the transaction of the version; no row is in it yet
create index audit_log_workflows on delivery.audit_log using gin (workflow_ids) with (gin_pending_list_limit = 256) where workflow_ids is not null;
-- pgfleet-lint ignore drop-index-without-concurrently: of a partitioned table, in the transaction of the version; the time is told of above
drop index delivery.audit_log_more_entities;
-- pgfleet-lint ignore index-without-concurrently: of a partitioned table, in the transaction of the version; the time is told of above
create index audit_log_more_entities on delivery.audit_log using gin (more_entity_ids) with (gin_pending_list_limit = 256)
where more_entity_ids is not null and workflow_ids is null;
-- delivery.find_further_entries carries the tenant predicate itself.
grant select (workflow_ids) on delivery.audit_log to pgfleet_search;

-- A task is written when it is created and when it ends, and a batch ends all of a page at once: where a page has no room for each of its rows
-- once more, they go elsewhere, with an entry in the index each. Of three tasks two did.
alter table delivery.workflow_tasks set (fillfactor = 45);
