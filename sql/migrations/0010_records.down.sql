--! data-loss: yes
delete from platform.partitioned_tables where schema_name = 'memory' and table_name = 'hook_executions';
drop table memory.hook_executions, memory.hook_archives, memory.transitions, memory.agent_states, memory.workflow_states, memory.key_values cascade;
