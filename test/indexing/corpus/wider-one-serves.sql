-- The index for the second statement serves the first.
-- create: parts (kind, bin)
create table parts (id int primary key, kind int, bin int, note text);
insert into parts select i, i * 31 % 97, i * 7919 % 1009, 'a note' from generate_series(1, 20000) i;
-- workload
select * from parts where kind = $1;
select * from parts where kind = $1 and bin = $2;
