--! data-loss: yes
drop table metadata.ticks, metadata.tick_leases, metadata.change_floors, metadata.changes, metadata.volatile_entries, metadata.entries, metadata.entities, metadata.agents, metadata.roles, metadata.sync_groups;
drop type metadata.judged_entry;
drop sequence metadata.change_sequence;
drop schema metadata;
