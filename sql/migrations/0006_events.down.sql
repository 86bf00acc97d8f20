--! data-loss: yes
delete from platform.partitioned_tables where schema_name = 'memory' and table_name = 'events';
drop table memory.events;
drop sequence memory.event_sequence;
