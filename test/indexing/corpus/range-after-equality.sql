-- What is compared by = comes first, the range behind it, whatever the order in the statement.
-- create: readings (sensor, taken)
create table readings (id int primary key, taken timestamptz, sensor int);
insert into readings select i, timestamptz '2025-01-01' + i * 7919 % 20000 * interval '1 minute', i % 20 from generate_series(1, 20000) i;
-- workload
select * from readings where taken >= $1 and taken < $2 and sensor = $3;
