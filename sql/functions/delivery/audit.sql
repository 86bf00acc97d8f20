-- delivery.audit: every entry of the audit: the rows of delivery.audit_log; interactions of agents, which are their own entries, for
-- nobody changes them; and agent sessions and workflows, which are the entries of their creation, for what they were created with stays.
-- The id of any of these is the id of its entry, so it stands at the time that its maker gives; recorded_at says when it was recorded. content:
-- what is sealed of an interaction besides the entry; null for others. Interactions without a transaction were recorded by an older version,
-- and have a row in the log; so have sessions and workflows, and those with an id of another time than that of their creation.
-- Other views stand on this one, so it is replaced and never dropped: columns may be added at its end only.
create or replace view delivery.audit with (security_invoker = true) as
select e.*
from (
  select a.tenant_id, a.audit_id, a.transaction_id, a.sequence, a.recorded_at, a.entity_type, a.entity_id, a.action, a.result,
    a.security_level, a.actor_type, a.actor_id, a.correlation_id, a.changes, false as is_interaction, null::jsonb as content,
    false as is_session, false as is_workflow
  from delivery.audit_log a
  union all
  select i.tenant_id, i.interaction_id, i.transaction_id, i.audit_sequence, i.recorded_at, 'interaction'::text collate "C",
    i.interaction_id::text collate "C", 'execute'::text collate "C",
    case i.status when 'completed' then 'success' when 'failed' then 'failure' else i.status end collate "C",
    'normal'::text collate "C", i.actor_type, i.actor_id, i.correlation_id,
    jsonb_build_object('session_id', i.session_id, 'sequence', i.sequence, 'type', i.interaction_type, 'status', i.status,
      'tokens', i.tokens, 'cost_usd', trim_scale(i.cost_usd), 'duration_us', i.duration_us),
    true, jsonb_build_array(i.request, i.response, i.error_message, i.workflow_id, i.task), false, false
  from delivery.agent_interactions i
  union all
  select s.tenant_id, s.session_id, s.transaction_id, s.audit_sequence, s.started_at, 'agent_session'::text collate "C",
    s.session_id::text collate "C", 'create'::text collate "C", 'success'::text collate "C", 'normal'::text collate "C",
    s.actor_type, s.actor_id, s.correlation_id,
    jsonb_strip_nulls(jsonb_build_object('agent_name', s.agent_name, 'agent_type', s.agent_type, 'agent_version', s.agent_version,
      'parent_id', s.parent_id, 'workflow_id', s.workflow_id, 'task', s.task)) || coalesce(s.created_with, '{}'::jsonb),
    false, null::jsonb, true, false
  from delivery.agent_sessions s
  union all
  select w.tenant_id, w.workflow_id, w.transaction_id, w.audit_sequence, w.recorded_at, 'workflow'::text collate "C",
    w.workflow_id::text collate "C", 'create'::text collate "C", 'success'::text collate "C", 'normal'::text collate "C",
    w.actor_type, w.actor_id, w.correlation_id,
    jsonb_build_object('name', w.name, 'status', 'pending', 'type', w.workflow_type, 'environment', w.environment, 'priority', w.created_priority,
      'tasks', w.created_tasks) || coalesce(w.created_with, '{}'::jsonb),
    false, null::jsonb, false, true
  from delivery.workflow_details w
) e
-- Out here: a part of the union with conditions of its own cannot be read in the order of an index.
where e.transaction_id is not null;
comment on view delivery.audit is 'Every entry of the audit: the rows of the audit log, interactions, and agent sessions and workflows as the entries of their creation.';
grant select on delivery.audit to pgfleet_app;
