-- Half of the rows are read as quickly without an index.
create table flags (id int primary key, isset boolean, side int);
insert into flags select i, i % 2 = 0, i % 3 from generate_series(1, 20000) i;
-- workload
select * from flags where side = $1;
select * from flags where isset = $1;
