--! data-loss: yes
drop table memory.secrets, memory.data_keys, memory.api_keys;
