--! data-loss: yes
delete from platform.partitioned_tables where schema_name = 'learning';
drop schema learning cascade;
