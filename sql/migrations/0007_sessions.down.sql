--! data-loss: yes
drop table memory.sessions;
