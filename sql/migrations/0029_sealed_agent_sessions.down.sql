--! data-loss: yes
-- Sessions stay; who created those since, and their entries in the audit, are gone. Seals may tell of them, so the chain begins anew.
alter table delivery.audit_seals no force row level security;
-- pgfleet-lint ignore write-without-where, backfill-under-lock: the chain begins anew
delete from delivery.audit_seals;
alter table delivery.audit_seals force row level security, drop column are_sessions;
-- Its index goes with the columns.
alter table delivery.agent_sessions
  drop constraint agent_sessions_actor_type,
  drop constraint agent_sessions_place,
  drop column transaction_id,
  drop column audit_sequence,
  drop column actor_type,
  drop column actor_id,
  drop column correlation_id,
  drop column created_with;
grant update, delete on delivery.agent_sessions to pgfleet_app;
comment on table delivery.agent_sessions is 'One row a session of an agent, with its counters. Its status changes as delivery.next_agent_session_states says.';
-- pgfleet-lint ignore drop-index-without-concurrently: made anew in the next statement, under the same lock
drop index delivery.audit_log_entity;
-- pgfleet-lint ignore index-without-concurrently, work-under-lock: of a partitioned table, in the transaction of the version; the way down is for stopped processes
create index audit_log_entity on delivery.audit_log (entity_type, tenant_id, entity_id, audit_id);
-- Goes on where it is: what was written stands before it.
alter sequence delivery.audit_sequence minvalue 1 no maxvalue start 1;
