--! data-loss: yes
-- Workflows stay; who created those since, and their entries in the audit, are gone. Seals may tell of them, so the chain begins anew.
alter table delivery.audit_seals no force row level security;
-- pgfleet-lint ignore write-without-where, backfill-under-lock: the chain begins anew
delete from delivery.audit_seals;
alter table delivery.audit_seals force row level security, drop column are_workflows;
-- Its index goes with the columns.
alter table delivery.workflow_details
  drop constraint workflow_details_actor_type,
  drop constraint workflow_details_place,
  drop column transaction_id,
  drop column audit_sequence,
  drop column recorded_at,
  drop column actor_type,
  drop column actor_id,
  drop column correlation_id,
  drop column created_priority,
  drop column created_tasks,
  drop column created_with;
grant update, delete on delivery.workflow_details to pgfleet_app;
comment on table delivery.workflow_details is 'What each workflow was created with; never changed, so that its indexes are written once.';
