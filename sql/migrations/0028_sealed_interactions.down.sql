--! data-loss: yes
-- Interactions stay; who did those recorded since, and their entries in the audit, are gone. Seals may tell of them, so the chain
-- begins anew.
alter table delivery.audit_seals no force row level security;
-- pgfleet-lint ignore write-without-where, backfill-under-lock: the chain begins anew
delete from delivery.audit_seals;
alter table delivery.audit_seals force row level security, drop column are_interactions;
drop table delivery.interaction_floors;
-- Its index goes with the columns.
alter table delivery.agent_interactions
  drop constraint agent_interactions_actor_type,
  drop constraint agent_interactions_place,
  drop column transaction_id,
  drop column audit_sequence,
  drop column actor_type,
  drop column actor_id,
  drop column correlation_id;
