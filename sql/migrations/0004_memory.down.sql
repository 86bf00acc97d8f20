--! data-loss: yes
drop schema memory cascade;
