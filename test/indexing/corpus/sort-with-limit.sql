-- The order comes behind =, so that the first ten are read and no more; backwards serves descending.
-- create: posts (author, made)
create table posts (id int primary key, author int, made timestamptz, body text);
insert into posts select i, i % 50, timestamptz '2025-01-01' + i * 7919 % 20000 * interval '1 minute', repeat('x', 60) from generate_series(1, 20000) i;
-- workload
select * from posts where author = $1 order by made desc limit 10;
