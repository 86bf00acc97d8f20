--! data-loss: yes
drop table delivery.audit_seals;
