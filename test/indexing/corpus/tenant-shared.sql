-- What all statements compare comes first, so that the first index serves two of them.
-- The order of four rows is no reason for a third column.
-- create: events (tenant, subject)
-- create: events (tenant, at)
create table events (id int primary key, tenant int, subject int, at timestamptz);
insert into events select i, i % 50, i * 7919 % 211, timestamptz '2025-01-01' + i * 31 % 40000 * interval '1 minute' from generate_series(1, 40000) i;
-- workload
select * from events where subject = $1 and tenant = $2;
select * from events where subject = $1 and tenant = $2 order by at desc limit 5;
select * from events where tenant = $1 order by at desc limit 10;
