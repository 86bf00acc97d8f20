--! data-loss: yes
drop table platform.legal_holds;
