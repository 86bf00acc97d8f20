--! data-loss: yes
drop table memory.artifacts, memory.artifact_names, memory.artifact_chunks, memory.artifact_contents, memory.artifact_uploads;
