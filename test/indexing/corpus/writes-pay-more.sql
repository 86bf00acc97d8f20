-- One reader a day is not worth an entry for each of the rows that are written.
create table logs (id int primary key, request int, line text);
insert into logs select i, i * 7919 % 2000, 'a line' from generate_series(1, 20000) i;
-- workload
-- calls: 1
select * from logs where request = $1;
