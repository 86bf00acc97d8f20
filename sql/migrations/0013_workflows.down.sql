--! data-loss: yes
revoke usage on schema delivery from pgfleet_search;
delete from platform.partitioned_tables where schema_name = 'delivery' and table_name = 'workflow_history';
drop table delivery.workflow_history, delivery.jobs, delivery.workflow_tasks, delivery.workflow_details, delivery.workflows;
