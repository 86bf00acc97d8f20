--! data-loss: yes
delete from platform.partitioned_tables where schema_name = 'memory' and table_name = 'episodes';
drop table memory.entity_versions, memory.entities, memory.relationship_versions, memory.relationships, memory.episodes cascade;
