-- A partitioned table is advised as a whole, and made partition by partition.
-- create: logs (request)
create table logs (at timestamptz not null, request int, line text) partition by range (at);
create table logs_1 partition of logs for values from ('2025-01-01') to ('2025-02-01');
create table logs_2 partition of logs for values from ('2025-02-01') to ('2025-03-01');
insert into logs select timestamptz '2025-01-01 00:00Z' + i % 58 * interval '1 day', i * 7919 % 10000, 'a line' from generate_series(1, 30000) i;
-- workload
select * from logs where request = $1;
