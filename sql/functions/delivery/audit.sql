-- delivery.audit: every entry of the audit: the rows of delivery.audit_log; interactions of agents, which are their own entries, for
-- nobody changes them; and agent sessions and workflows, which are the entries of their creation, for what they were created with stays.
-- The id of any of these is the id of its entry, so it stands at the time that its maker gives; recorded_at says when it was recorded. content:
-- what is sealed of a row besides the entry: of an interaction what was asked and answered; null where there is nothing.
-- Interactions without a transaction were recorded by an older version, and have a row in the log; so have sessions and workflows, and those
-- with an id of another time than that of their creation.
-- A row of the log holds up to 32 entries, of entities that one statement did the same to. The further ones have is_further, the id of the
-- row in row_id, and ids and numbers behind its own: what is asked for by row_id comes along an index, by audit_id it does not. Who wants
-- rows instead of entries, as the seals do, leaves out what is_further; more_entity_ids has the entities of those, and content has them, too, with the workflows that such a row is found by.
-- Other views stand on this one, so it is replaced and never dropped: columns may be added at its end only.
create or replace view delivery.audit with (security_invoker = true) as
select e.*
from (
  select a.tenant_id, a.audit_id, a.transaction_id, a.sequence, a.recorded_at, a.entity_type, a.entity_id, a.action, a.result,
    a.security_level, a.actor_type, a.actor_id, a.correlation_id, a.changes, false as is_interaction,
    case
      when a.workflow_ids is null then to_jsonb(a.more_entity_ids)
      else to_jsonb(a.more_entity_ids) || jsonb_build_array(to_jsonb(a.workflow_ids))
    end as content,
    false as is_session, false as is_workflow, a.audit_id as row_id, false as is_further, a.more_entity_ids
  from delivery.audit_log a
  union all
  select a.tenant_id, delivery.packed_audit_id(a.audit_id, m.place::integer), a.transaction_id, a.sequence + m.place, a.recorded_at,
    a.entity_type, m.entity_id, a.action, a.result, a.security_level, a.actor_type, a.actor_id, a.correlation_id, a.changes,
    false, null::jsonb, false, false, a.audit_id, true, null::text[] collate "C"
  from delivery.audit_log a
  cross join lateral unnest(a.more_entity_ids) with ordinality as m(entity_id, place)
  where a.more_entity_ids is not null
  union all
  select i.tenant_id, i.interaction_id, i.transaction_id, i.audit_sequence, i.recorded_at, 'interaction'::text collate "C",
    i.interaction_id::text collate "C", 'execute'::text collate "C",
    case i.status when 'completed' then 'success' when 'failed' then 'failure' else i.status end collate "C",
    'normal'::text collate "C", i.actor_type, i.actor_id, i.correlation_id,
    jsonb_build_object('session_id', i.session_id, 'sequence', i.sequence, 'type', i.interaction_type, 'status', i.status,
      'tokens', i.tokens, 'cost_usd', trim_scale(i.cost_usd), 'duration_us', i.duration_us),
    true, jsonb_build_array(i.request, i.response, i.error_message, i.workflow_id, i.task), false, false,
    i.interaction_id, false, null::text[] collate "C"
  from delivery.agent_interactions i
  union all
  select s.tenant_id, s.session_id, s.transaction_id, s.audit_sequence, s.started_at, 'agent_session'::text collate "C",
    s.session_id::text collate "C", 'create'::text collate "C", 'success'::text collate "C", 'normal'::text collate "C",
    s.actor_type, s.actor_id, s.correlation_id,
    jsonb_strip_nulls(jsonb_build_object('agent_name', s.agent_name, 'agent_type', s.agent_type, 'agent_version', s.agent_version,
      'parent_id', s.parent_id, 'workflow_id', s.workflow_id, 'task', s.task)) || coalesce(s.created_with, '{}'::jsonb),
    false, null::jsonb, true, false, s.session_id, false, null::text[] collate "C"
  from delivery.agent_sessions s
  union all
  select w.tenant_id, w.workflow_id, w.transaction_id, w.audit_sequence, w.recorded_at, 'workflow'::text collate "C",
    w.workflow_id::text collate "C", 'create'::text collate "C", 'success'::text collate "C", 'normal'::text collate "C",
    w.actor_type, w.actor_id, w.correlation_id,
    jsonb_build_object('name', w.name, 'status', 'pending', 'type', w.workflow_type, 'environment', w.environment, 'priority', w.created_priority,
      'tasks', w.created_tasks) || coalesce(w.created_with, '{}'::jsonb),
    false, null::jsonb, false, true, w.workflow_id, false, null::text[] collate "C"
  from delivery.workflow_details w
) e
-- Out here: a part of the union with conditions of its own cannot be read in the order of an index.
where e.transaction_id is not null;
comment on view delivery.audit is 'Every entry of the audit: the rows of the audit log, interactions, and agent sessions and workflows as the entries of their creation.';
grant select on delivery.audit to pgfleet_app;
