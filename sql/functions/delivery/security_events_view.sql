-- delivery.security_events_view: one row an entry of the audit of the last 30 days that matters to security, with its risk: 10 for a critical one, 7 for one
-- of high security, 5 for a failure, 4 for a deletion or an execution, else 1 (a login or logout); the highest that applies.
drop view if exists delivery.security_events_view;
create view delivery.security_events_view with (security_invoker = true) as
select
  a.tenant_id, a.audit_id, a.recorded_at, a.entity_type, a.entity_id, a.action, a.result, a.security_level, a.actor_type, a.actor_id,
  a.correlation_id, a.changes,
  case
    when a.security_level = 'critical' then 10
    when a.security_level = 'high' then 7
    when a.result = 'failure' then 5
    when a.action in ('delete', 'execute') then 4
    else 1
  end as risk_score
from delivery.audit a
where a.row_id >= platform.uuid_floor(now() - interval '30 days')
  and (a.security_level in ('high', 'critical') or a.result = 'failure' or a.action in ('delete', 'execute', 'login', 'logout'));
comment on view delivery.security_events_view is 'The entries of the audit that matter to security, with their risk.';
grant select on delivery.security_events_view to pgfleet_app;
