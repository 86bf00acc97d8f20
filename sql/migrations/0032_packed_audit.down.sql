--! data-loss: yes
-- The entries stay, a row each; seals tell of the rows that held several, so the chain begins anew.
alter table delivery.audit_seals no force row level security;
-- pgfleet-lint ignore write-without-where, backfill-under-lock: the chain begins anew
delete from delivery.audit_seals;
alter table delivery.audit_seals force row level security;
alter table delivery.audit_log no force row level security, drop constraint audit_log_more_entities;
-- pgfleet-lint ignore work-under-lock: the way down is for stopped processes
insert into delivery.audit_log (tenant_id, audit_id, transaction_id, sequence, recorded_at, entity_type, entity_id, action, result, security_level,
  actor_type, actor_id, correlation_id, changes)
select a.tenant_id, encode(set_byte(uuid_send(a.audit_id), 15, get_byte(uuid_send(a.audit_id), 15) + m.place::integer), 'hex')::uuid, a.transaction_id,
  a.sequence + m.place, a.recorded_at, a.entity_type, m.entity_id, a.action, a.result, a.security_level, a.actor_type, a.actor_id, a.correlation_id, a.changes
from delivery.audit_log a
cross join lateral unnest(a.more_entity_ids) with ordinality as m(entity_id, place)
where a.more_entity_ids is not null;
drop policy search_reads on delivery.audit_log;
revoke select (tenant_id, audit_id, entity_type, more_entity_ids) on delivery.audit_log from pgfleet_search;
comment on table delivery.audit_log is 'Who changed what: one row a mutation of the delivery store, never changed. Partitioned by the month inside the id.';
-- Its index goes with the column.
alter table delivery.audit_log force row level security, drop column more_entity_ids;
-- Goes on where it is: what was written stands before it.
alter sequence delivery.audit_sequence increment by 1 no cycle;
