--! data-loss: yes
drop table platform.tenants, platform.tenant_usage, platform.partitioned_tables cascade;
