-- Both columns are compared, so one index holds both: by itself neither finds few rows.
-- create: parts (bin, kind)
create table parts (id int primary key, kind int, bin int);
insert into parts select i, i * 31 % 97, i * 7919 % 101 from generate_series(1, 20000) i;
-- workload
select * from parts where kind = $1 and bin = $2;
