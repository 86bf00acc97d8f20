--! data-loss: yes
delete from platform.partitioned_tables where schema_name = 'delivery' and table_name = 'agent_interactions';
drop table delivery.agent_interactions;
drop table delivery.agent_session_durations;
drop table delivery.agent_sessions;
