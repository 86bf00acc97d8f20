--! data-loss: yes
drop table platform.retention_policies;
drop table platform.maintenance_positions;
drop table platform.maintenance_runs;
drop table platform.maintenance_leases;
revoke select on platform.partitioned_tables, platform.migrations, platform.routines from pgfleet_operator;
revoke usage on schema platform, metadata from pgfleet_operator;
