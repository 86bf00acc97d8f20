--! data-loss: yes
delete from platform.partitioned_tables where schema_name = 'delivery';
drop table delivery.audit_log;
drop sequence delivery.audit_sequence;
drop schema delivery;
