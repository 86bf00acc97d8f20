-- delivery.audit_activity_summary: one row a day (UTC) of the last 30, kind of entity, action and kind of actor: how many entries of the audit.
drop view if exists delivery.audit_activity_summary;
create view delivery.audit_activity_summary with (security_invoker = true) as
select
  a.tenant_id, (a.recorded_at at time zone 'UTC')::date as day, a.entity_type, a.action, a.actor_type, count(*) as entries,
  count(*) filter (where a.result = 'success') as succeeded,
  count(*) filter (where a.result <> 'success') as not_succeeded,
  count(*) filter (where a.security_level in ('high', 'critical')) as of_high_security,
  count(distinct a.actor_id) as actors, count(distinct a.entity_id) as entities,
  min(a.recorded_at) as first_at, max(a.recorded_at) as last_at
from delivery.audit a
where a.row_id >= platform.uuid_floor(date_trunc('day', now(), 'UTC') - interval '29 days')
group by a.tenant_id, (a.recorded_at at time zone 'UTC')::date, a.entity_type, a.action, a.actor_type;
comment on view delivery.audit_activity_summary is 'One row a day, kind of entity, action and kind of actor: entries of the audit.';
grant select on delivery.audit_activity_summary to pgfleet_app;
