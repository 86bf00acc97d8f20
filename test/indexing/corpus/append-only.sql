-- Rows lie in the order of time: a BRIN index of a few pages, and no B-tree.
-- create: metrics using brin (at)
create table metrics (at timestamptz, value float8, label text);
insert into metrics select timestamptz '2025-01-01' + i * interval '1 second', i, repeat('x', 200) from generate_series(1, 40000) i;
-- workload
select avg(value) from metrics where at >= $1 and at < $2;
