-- A page that begins behind a row is a range over both columns, in their order.
-- create: posts (made, id)
create table posts (id int primary key, made timestamptz, body text);
insert into posts select i, timestamptz '2025-01-01' + i * 7919 % 997 * interval '1 minute', repeat('x', 60) from generate_series(1, 20000) i;
-- workload
select * from posts where (made, id) > ($1, $2) order by made, id limit 20;
