-- Two directions have to be in the index: neither way of reading the plain one has them.
-- create: scores (points, made desc)
create table scores (id int primary key, points int, made timestamptz);
insert into scores select i, i * 7919 % 997, timestamptz '2025-01-01' + i * interval '1 minute' from generate_series(1, 20000) i;
-- workload
select * from scores order by points desc, made limit 10;
