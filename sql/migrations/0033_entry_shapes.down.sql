--! data-loss: no
alter index delivery.agent_sessions_order reset (deduplicate_items);

drop policy entry_shape on delivery.agent_sessions;
alter table delivery.agent_sessions add constraint agent_sessions_actor_type check (actor_type in ('user', 'agent', 'system', 'api', 'webhook', 'scheduler')) not valid;
alter table delivery.agent_sessions add constraint agent_sessions_place check ((transaction_id is null) = (audit_sequence is null)) not valid;

drop policy entry_shape on delivery.audit_log;
-- pgfleet-lint ignore constraint-without-not-valid: as they were before; the way down is for stopped processes
alter table delivery.audit_log
  add constraint audit_log_entity check (entity_type <> '' and entity_id <> ''),
  add constraint audit_log_action check (action in ('create', 'read', 'update', 'delete', 'execute', 'approve', 'reject', 'start', 'stop', 'pause', 'resume', 'deploy', 'rollback', 'login', 'logout')),
  add constraint audit_log_result check (result in ('success', 'failure', 'partial', 'timeout', 'cancelled')),
  add constraint audit_log_security_level check (security_level in ('low', 'normal', 'high', 'critical')),
  add constraint audit_log_actor_type check (actor_type in ('user', 'agent', 'system', 'api', 'webhook', 'scheduler'));
alter table delivery.audit_log add constraint audit_log_more_entities check (
  more_entity_ids is null or (cardinality(more_entity_ids) between 1 and 31 and '' <> all (more_entity_ids)
    and array_position(more_entity_ids, null) is null and get_byte(uuid_send(audit_id), 15) % 32 = 0)
) not valid;
