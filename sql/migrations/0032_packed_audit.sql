--! breaking: no   lock: access exclusive on delivery.audit_log while its index is built, on delivery.audit_sequence for a moment   rewrite: none   time: a scan of delivery.audit_log
-- Where one statement does the same to many entities, a row of the log a entity costs as much as the change: its place in the heap and in
-- three indexes. From now on such a row holds up to 32 of them. Rows that are there stay as they are.

alter table delivery.audit_log add column more_entity_ids text[] collate "C";
-- What is there has none. The last condition: no two entries have an id in common.
alter table delivery.audit_log add constraint audit_log_more_entities check (
  more_entity_ids is null or (cardinality(more_entity_ids) between 1 and 31 and '' <> all (more_entity_ids)
    and array_position(more_entity_ids, null) is null and get_byte(uuid_send(audit_id), 15) % 32 = 0)
) not valid;
comment on table delivery.audit_log is 'Who changed what in the delivery store, never changed: one row a mutation, or the same one of up to 32 entities. Partitioned by the month inside the id.';
comment on column delivery.audit_log.more_entity_ids is 'Further entities that the same statement did the same to: each is an entry of its own, whose id is audit_id and its place here. Null: none.';
-- Partial, so that rows of one entity cost nothing here. A lookup reads what is pending through, so that stays short.
-- pgfleet-lint ignore index-without-concurrently: of a partitioned table, in the transaction of the version; the time is told of above
create index audit_log_more_entities on delivery.audit_log using gin (more_entity_ids) with (gin_pending_list_limit = 256) where more_entity_ids is not null;

-- Each number that is drawn has the 31 behind it, too: the ids of what a row holds. When all are used, which takes years at a hundred
-- thousand a second, it begins anew: the time stands before them in the id. Numbers that sessions hold in their caches are given up, for
-- the sequence is rewritten.
alter sequence delivery.audit_sequence increment by 32 cycle;
-- pgfleet-lint ignore work-under-lock: one row
select setval('delivery.audit_sequence', s.last_value - s.last_value % 32 + 32, false) from delivery.audit_sequence s;

-- The search runs as this role: under the tenant's policy alone, conditions that are not leakproof may not use an index.
-- delivery.find_further_entries carries the tenant predicate itself.
create policy search_reads on delivery.audit_log for select to pgfleet_search using (true);
grant select (tenant_id, audit_id, entity_type, more_entity_ids) on delivery.audit_log to pgfleet_search;
