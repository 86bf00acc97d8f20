-- The greatest is the last entry of an index.
-- create: readings (sensor, taken)
create table readings (id int primary key, taken timestamptz, sensor int, value float8);
insert into readings select i, timestamptz '2025-01-01' + i * 7919 % 20000 * interval '1 minute', i % 20, i from generate_series(1, 20000) i;
-- workload
select max(taken) from readings where sensor = $1;
