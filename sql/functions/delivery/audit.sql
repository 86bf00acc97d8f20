-- delivery.audit: every entry of the audit: the rows of delivery.audit_log, and interactions of agents, which are their own
-- entries: nobody changes them. An interaction's id is the id of its entry, so it stands at the time that its agent gives; recorded_at
-- says when it was recorded. content: what is sealed of it besides the entry; null for rows of the log. Interactions without a
-- transaction were recorded by an older version, and have a row in the log.
-- Other views stand on this one, so it is replaced and never dropped: columns may be added at its end only.
create or replace view delivery.audit with (security_invoker = true) as
select e.*
from (
  select a.tenant_id, a.audit_id, a.transaction_id, a.sequence, a.recorded_at, a.entity_type, a.entity_id, a.action, a.result,
    a.security_level, a.actor_type, a.actor_id, a.correlation_id, a.changes, false as is_interaction, null::jsonb as content
  from delivery.audit_log a
  union all
  select i.tenant_id, i.interaction_id, i.transaction_id, i.audit_sequence, i.recorded_at, 'interaction'::text collate "C",
    i.interaction_id::text collate "C", 'execute'::text collate "C",
    case i.status when 'completed' then 'success' when 'failed' then 'failure' else i.status end collate "C",
    'normal'::text collate "C", i.actor_type, i.actor_id, i.correlation_id,
    jsonb_build_object('session_id', i.session_id, 'sequence', i.sequence, 'type', i.interaction_type, 'status', i.status,
      'tokens', i.tokens, 'cost_usd', trim_scale(i.cost_usd), 'duration_us', i.duration_us),
    true, jsonb_build_array(i.request, i.response, i.error_message, i.workflow_id, i.task)
  from delivery.agent_interactions i
) e
-- Out here: a part of the union with conditions of its own cannot be read in the order of an index.
where e.transaction_id is not null;
comment on view delivery.audit is 'Every entry of the audit: the rows of the audit log, and interactions, which are their own entries.';
grant select on delivery.audit to pgfleet_app;
