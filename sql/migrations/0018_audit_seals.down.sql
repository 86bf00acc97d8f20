--! data-loss: yes
drop table delivery.audit_seals;
drop index delivery.audit_log_correlation;
