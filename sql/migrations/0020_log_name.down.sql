--! data-loss: no
-- Functions go with every way down, and the older package applies its own again.
select 1;
